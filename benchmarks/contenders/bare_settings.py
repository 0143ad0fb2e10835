"""The least that Django runs with: no apps, no middleware, no database of Django's own."""

SECRET_KEY = "protects nothing: this server only runs in a benchmark"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "benchmarks.contenders.bare"
USE_TZ = True
