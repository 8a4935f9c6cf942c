# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.
# {{ title | comment }}
ARG BASE={{ base }}
FROM ${BASE}
LABEL org.opencontainers.image.title={{ title | label }}
USER 0
{% for install in installs %}
RUN --mount=type=cache,target=/root/.cache/pip python3 -m pip install \
  {{ install | shell_line }}
{% endfor %}
COPY --chmod=0755 health.py wait-for.sh /opt/llmspec/
USER {{ user }}
WORKDIR /scratch
ENV HOME=/scratch/home
EXPOSE {{ port }}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5m --retries=6 \
  CMD ["python3", "/opt/llmspec/health.py", "http://127.0.0.1:{{ port }}{{ health }}"]
ENTRYPOINT {{ command | exec }}
