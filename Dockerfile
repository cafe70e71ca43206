# One image, two stages: the locked dependencies, then the application as an unprivileged user.
# It runs with a read-only root: all it writes is below /data (a volume) and /tmp (a tmpfs).
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE guardhouse.py ./
COPY guardrails guardrails
COPY proxy proxy
COPY evals evals
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation . && /venv/bin/pip uninstall --yes pip

FROM python:3.12-slim
RUN useradd --no-create-home --uid 10001 guardhouse && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GUARDHOUSE_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 4000
# SIGTERM stops in order, see docs/guides/deploy.md; give it 55 seconds before it is killed.
STOPSIGNAL SIGTERM
# Whether the process answers. A database that is away is no reason to restart it: the spool keeps the traces.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/healthz', timeout=2)"]
ENTRYPOINT ["guardhouse"]
CMD ["serve", "--host", "0.0.0.0", "--config", "/etc/guardhouse/guardhouse.yaml"]
