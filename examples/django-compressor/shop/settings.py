import os
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent

DEBUG = False
# Nothing here is signed; a real app has a secret in its environment.
SECRET_KEY = os.environ.get("SECRET_KEY", "only for this example")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "compressor", "shop"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

STATIC_URL = "/static/"
STATIC_ROOT = BASE / "staticfiles"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]

# "build": the build stage has compiled everything, and a running process only reads.
# "start" or "request": every process compiles when it starts, or at the first request. A violation.
COMPILE_AT = os.environ.get("COMPILE_AT", "build")
if COMPILE_AT not in ("build", "start", "request"):
    raise ValueError(f"COMPILE_AT is build, start or request, not {COMPILE_AT}")
COMPRESS_ENABLED = True
COMPRESS_OFFLINE = COMPILE_AT != "request"
