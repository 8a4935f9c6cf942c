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
COPY --chmod=0755 fetch.sh download.sh /opt/llmspec/
USER {{ user }}
WORKDIR /scratch
ENV HOME=/scratch/home
HEALTHCHECK NONE
ENTRYPOINT {{ command | exec }}
