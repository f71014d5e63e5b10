{{- /* Short enough for the longest name that is made of it, `<name>-metrics`. */ -}}
{{- define "mstack.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-mstack" $name }}{{ end -}}
{{ $name | trunc 55 | trimSuffix "-" }}
{{- end -}}

{{- /* Cluster-wide objects carry the namespace, so that releases of two namespaces do not meet. */ -}}
{{- define "mstack.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "mstack.name" .) }}
{{- end -}}

{{- define "mstack.selector" -}}
app.kubernetes.io/name: mstack
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "mstack.labels" -}}
{{ include "mstack.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mstack.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "mstack.name" .) }}
{{- end -}}

{{- define "mstack.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end -}}

{{- /* Whether an object of another operator's kind is wanted: (list . mode kind); `auto` asks the cluster. */ -}}
{{- define "mstack.wanted" -}}
{{- $root := index . 0 -}}{{- $mode := index . 1 -}}{{- $api := index . 2 -}}
{{- if or (eq $mode "always") (and (eq $mode "auto") ($root.Capabilities.APIVersions.Has $api)) -}}yes{{- end -}}
{{- end -}}
