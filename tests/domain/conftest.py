"""Settings of Hypothesis for the rules: no deadline, because a busy machine is not a broken law."""

from hypothesis import settings

settings.register_profile("remit", deadline=None)
settings.load_profile("remit")
