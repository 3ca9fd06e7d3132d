{{/*
Names are rendered with `quote` wherever they stand: YAML reads `123`, `1e3`, `true` or `null` as no text. A ScaledObject's
name may have 54 characters (its HorizontalPodAutoscaler's is `keda-hpa-…`, 63 at most), and ours ends in
`-processing-scaler`: so 36 are left for what stands before.
*/}}
{{- define "energy-pipeline.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- include "energy-pipeline.label" (list .Values.fullnameOverride 36) -}}
{{- else if contains $name .Release.Name -}}
{{- include "energy-pipeline.label" (list .Release.Name 36) -}}
{{- else -}}
{{- include "energy-pipeline.label" (list (printf "%s-%s" .Release.Name $name) 36) -}}
{{- end -}}
{{- end -}}

{{/*
A name that a Service may have (RFC 1035): no dot in it, and a letter at its start, which names of releases need not have.
Takes a list: the name, its greatest length.
*/}}
{{- define "energy-pipeline.label" -}}
{{- $name := index . 0 | replace "." "-" -}}
{{- $letter := ternary "r-" "" (regexMatch "^[0-9]" $name) -}}
{{- regexReplaceAll "-+$" (printf "%s%s" $letter $name | trunc (index . 1)) "" -}}
{{- end -}}

{{/* A pod of a StatefulSet has the set's name and a hash of 10 characters in a label of 63. */}}
{{- define "energy-pipeline.redis.name" -}}
{{- printf "%s-redis-master" (include "energy-pipeline.label" (list .Release.Name 39)) -}}
{{- end -}}

{{/* A value as text: numbers as they were written (`1000000`, where Go writes `1e+06`). */}}
{{- define "energy-pipeline.text" -}}
{{- ternary . (toJson .) (kindIs "string" .) -}}
{{- end -}}

{{- define "energy-pipeline.scaler.name" -}}
{{- printf "%s-processing-scaler" (include "energy-pipeline.fullname" .) -}}
{{- end -}}

{{- define "energy-pipeline.serviceAccount.name" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "energy-pipeline.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* Labels of an object. Takes a list: the root and, where the object is a component's, its name. */}}
{{- define "energy-pipeline.labels" -}}
{{- $root := index . 0 -}}
{{- if gt (len .) 1 }}
{{- include "energy-pipeline.selectorLabels" . }}
{{- else }}
{{- include "energy-pipeline.releaseLabels" $root }}
{{- end }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ $root.Chart.Name | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | quote }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "energy-pipeline.releaseLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* What selects the pods of a component. Takes a list: the root and the component's name. */}}
{{- define "energy-pipeline.selectorLabels" -}}
{{- include "energy-pipeline.releaseLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end -}}

{{/* Labels of a component's pods. Without the chart's version: a new one must not restart Redis. */}}
{{- define "energy-pipeline.podLabels" -}}
{{- include "energy-pipeline.selectorLabels" . }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The component whose pods serve queries. */}}
{{- define "energy-pipeline.queries.component" -}}
{{- ternary "query-api" "processing-service" .Values.queryApi.enabled -}}
{{- end -}}

{{/* The address of a Service of the release. Takes a list: the root, the Service's name. */}}
{{- define "energy-pipeline.serviceHost" -}}
{{- $root := index . 0 -}}
{{- printf "%s.%s.svc.%s" (index . 1) $root.Release.Namespace $root.Values.clusterDomain -}}
{{- end -}}
