# Remit's image: the API, a worker and the administrator's commands, by argument.
#
#     docker build -t remit .
#     docker run --rm remit --help

FROM python:3.11-slim-trixie AS packages
COPY requirements.runtime.lock /tmp/requirements.runtime.lock
# Wheels only, each with its hash: nothing is compiled, and nothing but what the lock names is installed.
RUN python -m venv --without-pip /opt/remit \
 && python -m pip --python /opt/remit/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: --requirement /tmp/requirements.runtime.lock

FROM python:3.11-slim-trixie
RUN groupadd --system --gid 10001 remit \
 && useradd --system --uid 10001 --gid remit --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin remit
COPY --from=packages /opt/remit /opt/remit
WORKDIR /app
COPY LICENSE cli.py logs.py memory.py settings.py worker.py ./
COPY domain ./domain
COPY workflows ./workflows
COPY activities ./activities
COPY adapters ./adapters
COPY api ./api
COPY commands ./commands
RUN /opt/remit/bin/python -m compileall -q /opt/remit/lib /app
# Inside a container loopback reaches nobody; what may reach the port is decided where it is published.
ENV PATH=/opt/remit/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    REMIT_API_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
# For `api`. A worker has no such page: docker-compose.yml asks its metrics page instead.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('REMIT_API_PORT', '8080') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "cli"]
CMD ["api"]
