# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.
# {{ title | comment }}
ARG BASE={{ base }}
FROM ${BASE}
LABEL org.opencontainers.image.title={{ title | label }}
USER 0
COPY --chmod=0755 health.py wait-for.sh /opt/llmspec/
USER {{ user }}
WORKDIR /scratch
ENV HOME=/scratch/home USER=llmspec HF_HUB_OFFLINE=1
EXPOSE {{ port }}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15m --retries=6 \
  CMD ["python3", "/opt/llmspec/health.py", "http://127.0.0.1:{{ port }}{{ health }}"]
ENTRYPOINT {{ command | exec }}
