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

{{- define "mstack.provenance" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mstack.labels" -}}
{{ include "mstack.selector" . }}
{{ include "mstack.provenance" . }}
{{- end -}}

{{- /* Other ones than the operator's, or its Service and its disruption budget would count the test's pod. */ -}}
{{- define "mstack.testLabels" -}}
app.kubernetes.io/name: mstack
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{ include "mstack.provenance" . }}
{{- end -}}

{{- /* What is there for the time of a `helm test` alone; the argument is its place in the order. A pod that has failed is kept, for its log. */ -}}
{{- define "mstack.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
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
