FROM python:3.13-slim AS build
WORKDIR /app
# With MCP=1 the image can serve MCP, too: docs/mcp.md.
ARG MCP=
COPY requirements.txt requirements-mcp.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && if test -n "$MCP"; then /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-mcp.txt; fi
COPY . .
# collectstatic connects to nothing; the settings only want to be told. The command looks for .venv.
RUN ln -s /venv .venv && SECRET_KEY=build DATABASE_URL=postgresql://build/build VALKEY_URL=redis://build \
    bin/luminalog collectstatic --no-input

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin luminalog \
    && install -d -o 10001 -m 0700 /var/lib/luminalog/metrics
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LUMINALOG_WEB_PROCESSES=2
WORKDIR /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["granian", "--interface", "rsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--respawn-failed-workers", "luminalog.rsgi:application"]
