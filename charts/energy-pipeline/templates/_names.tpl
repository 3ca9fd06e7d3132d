{{/*
Names. A ScaledObject's name may have 54 characters (its HorizontalPodAutoscaler's is `keda-hpa-…`, 63 at most), and ours
ends in `-processing-scaler`: so 36 are left for what stands before.
*/}}
{{- define "energy-pipeline.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 36 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 36 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* A pod of a StatefulSet bears the set's name and a hash of 10 characters in a label of 63. */}}
{{- define "energy-pipeline.redis.name" -}}
{{- printf "%s-redis-master" (.Release.Name | trunc 39 | trimSuffix "-") -}}
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
app.kubernetes.io/part-of: {{ $root.Chart.Name }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "energy-pipeline.releaseLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What selects the pods of a component. Takes a list: the root and the component's name. */}}
{{- define "energy-pipeline.selectorLabels" -}}
{{- include "energy-pipeline.releaseLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of a component's pods. Without the chart's version: a new one is no reason to start Redis anew. */}}
{{- define "energy-pipeline.podLabels" -}}
{{- include "energy-pipeline.selectorLabels" . }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The component whose pods answer queries. */}}
{{- define "energy-pipeline.queries.component" -}}
{{- ternary "query-api" "processing-service" .Values.queryApi.enabled -}}
{{- end -}}

{{/* The address of a Service of the release. Takes a list: the root, the Service's name. */}}
{{- define "energy-pipeline.serviceHost" -}}
{{- $root := index . 0 -}}
{{- printf "%s.%s.svc.%s" (index . 1) $root.Release.Namespace $root.Values.clusterDomain -}}
{{- end -}}
