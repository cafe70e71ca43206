# One image, two stages: the locked dependencies, then the application as an unprivileged user.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE guardhouse.py ./
COPY guardrails guardrails
COPY proxy proxy
COPY evals evals
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 guardhouse && mkdir /data && chown guardhouse /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH GUARDHOUSE_DATA_DIR=/data
USER guardhouse
WORKDIR /home/guardhouse
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/readyz', timeout=2)"
ENTRYPOINT ["guardhouse"]
CMD ["serve", "--host", "0.0.0.0", "--config", "/etc/guardhouse/guardhouse.yaml"]
