{{- define "peer.name" -}}
{{ printf "%s-%s-%s" .release .environment .workload | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "peer.selector" -}}
app.kubernetes.io/name: {{ .workload }}
app.kubernetes.io/instance: {{ printf "%s-%s" .release .environment }}
{{- end -}}

{{- define "peer.metadata" -}}
name: {{ include "peer.name" . }}
namespace: {{ printf "%s-%s" .release .environment }}
labels:
  {{- include "peer.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .version | quote }}
  app.kubernetes.io/managed-by: helm
{{- end -}}
