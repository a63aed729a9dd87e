"""One profile for every property: a slow machine is not a wrong answer."""

from hypothesis import settings

settings.register_profile("rempart", deadline=None)
settings.load_profile("rempart")
