"""The least Django needs to run migrations and to be type-checked; the portals have their own."""

SECRET_KEY = "migrations sign nothing"  # noqa: S105 - no request is ever served with these settings
INSTALLED_APPS = ["django.contrib.sessions", "rempart.storage"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
# storage/migrate.py gives the real address on the connection it opens.
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}
