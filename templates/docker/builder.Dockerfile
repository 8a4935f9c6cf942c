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
{% for path in scripts %}
COPY --chmod=0755 {{ path }} /opt/llmspec/{{ path }}
{% endfor %}
{% for path in data %}
COPY --chmod=0644 {{ path }} /opt/llmspec/{{ path }}
{% endfor %}
USER {{ user }}
WORKDIR /scratch
ENV HOME=/scratch/home USER=llmspec
HEALTHCHECK NONE
ENTRYPOINT {{ command | exec }}
