import time
from tests.installation import prepare_database
from tests.bundles import bundle
from local.postgres import EmbeddedPostgres
async def test_x(shared_postgres):
    for n in range(4):
        t=time.perf_counter(); await shared_postgres.create_database(f"t{n}"); t1=time.perf_counter()
        await prepare_database(shared_postgres, f"t{n}", bundle()); print(t1-t, time.perf_counter()-t1)
