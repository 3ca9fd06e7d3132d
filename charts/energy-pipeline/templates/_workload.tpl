{{/*
The Deployment of a component. Takes a dict:
  root, component, values (the component's), image, args, env, mounts, volumes, port,
  owned (who else decides on the replicas; none if empty), security (of the pod), configMap (whether the program's is read).
*/}}
{{- define "energy-pipeline.deployment" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $labels := include "energy-pipeline.selectorLabels" (list $root .component) | fromYaml -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "energy-pipeline.fullname" $root }}-{{ .component }}
  labels:
    {{- include "energy-pipeline.labels" (list $root .component) | nindent 4 }}
  {{- with $values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not .owned }}
  replicas: {{ $values.replicaCount }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- toYaml $labels | nindent 6 }}
  strategy:
    {{- toYaml $values.strategy | nindent 4 }}
  template:
    metadata:
      labels:
        {{- include "energy-pipeline.podLabels" (list $root .component) | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $checksums := ternary (include "energy-pipeline.checksums" $root | fromYaml) (dict) .configMap }}
      {{- with merge (dict) $values.podAnnotations $checksums }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- with include "energy-pipeline.imagePullSecrets" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      serviceAccountName: {{ include "energy-pipeline.serviceAccount.name" $root }}
      automountServiceAccountToken: false
      # Variables that Kubernetes makes of Services, such as REDIS_PORT, would be taken for settings.
      enableServiceLinks: false
      securityContext:
        {{- toYaml .security | nindent 8 }}
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ .image }}
          imagePullPolicy: {{ $values.image.pullPolicy | default $root.Values.image.pullPolicy }}
          {{- with .args }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: http, containerPort: {{ .port }}, protocol: TCP}
          {{- with concat .env $values.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- if or .configMap $values.extraEnvFrom }}
          envFrom:
            {{- if .configMap }}
            - configMapRef: {name: {{ include "energy-pipeline.fullname" $root }}-config}
            {{- end }}
            {{- with $values.extraEnvFrom }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- end }}
          {{- with include "energy-pipeline.probes" $values.probes | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          {{- with include "energy-pipeline.lifecycle" (list $root $values) | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- toYaml $root.Values.securityContext | nindent 12 }}
          {{- with concat .mounts $values.extraVolumeMounts }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- with $values.sidecars }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with concat .volumes $values.extraVolumes }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "energy-pipeline.scheduling" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- range . }}
        - {{- toYaml (merge (dict) . (dict "labelSelector" (dict "matchLabels" $labels))) | nindent 10 }}
        {{- end }}
      {{- end }}
{{- end -}}

{{/* A Deployment of a role of the program. Takes a dict: root, component, values, port, variable (the port's), env, owned. */}}
{{- define "energy-pipeline.role" -}}
{{- $settings := list
    (dict "name" .variable "value" (toString .port))
    (dict "name" "DRAIN_TIMEOUT_MS" "value" (.root.Values.config.drainTimeoutMs | int64 | toString)) -}}
{{- include "energy-pipeline.deployment" (merge (dict
    "image" (include "energy-pipeline.roleImage" (list .root .values.image))
    "args" (list .component)
    "env" (concat $settings .env)
    "mounts" (include "energy-pipeline.redis.mounts" .root | fromYamlArray)
    "volumes" (include "energy-pipeline.redis.volumes" .root | fromYamlArray)
    "security" .root.Values.podSecurityContext
    "configMap" true) .) -}}
{{- end -}}

{{/* What pods read at their start only: a change of it replaces them. The password is read for each connection. */}}
{{- define "energy-pipeline.checksums" -}}
checksum/config: {{ include (print .Template.BasePath "/configmap.yaml") . | sha256sum }}
{{- end -}}

{{/* A probe whose values name no handler asks its standard path. */}}
{{- define "energy-pipeline.probes" -}}
{{- $paths := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" -}}
{{- $probes := . -}}
{{- range $kind := list "startup" "liveness" "readiness" }}
{{- with index $probes $kind }}
{{- $own := or .httpGet .exec .tcpSocket .grpc }}
{{- $standard := ternary (dict) (dict "httpGet" (dict "path" (index $paths $kind) "port" "http")) (not (empty $own)) }}
{{ $kind }}Probe:
  {{- toYaml (merge (dict) . $standard) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Time for those who send requests to learn that this pod ends. There is no shell in the image, so Kubernetes itself must
know how to sleep.
*/}}
{{- define "energy-pipeline.lifecycle" -}}
{{- $root := index . 0 -}}
{{- $values := index . 1 -}}
{{- if $values.lifecycle }}
lifecycle:
  {{- toYaml $values.lifecycle | nindent 2 }}
{{- else if and (gt (int $values.preStopSleepSeconds) 0) (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
lifecycle:
  preStop:
    sleep: {seconds: {{ $values.preStopSleepSeconds }}}
{{- end }}
{{- end -}}

{{- define "energy-pipeline.scheduling" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A Service of a component. Takes a dict: root, name, selects (the component), values (`service`). */}}
{{- define "energy-pipeline.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "energy-pipeline.fullname" .root }}-{{ .name }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .name) | nindent 4 }}
  {{- with .values.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.type }}
  selector:
    {{- include "energy-pipeline.selectorLabels" (list .root .selects) | nindent 4 }}
  ports:
    - {name: http, port: {{ .values.port }}, targetPort: http, protocol: TCP}
{{- end -}}

{{/* A HorizontalPodAutoscaler by CPU. Takes a dict: root, component, values (`autoscaling`). */}}
{{- define "energy-pipeline.hpa" -}}
{{- $name := printf "%s-%s" (include "energy-pipeline.fullname" .root) .component -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .component) | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ .values.minReplicas }}
  maxReplicas: {{ .values.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .values.targetCPUUtilizationPercentage }}}
  {{- with .values.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* A PodDisruptionBudget. Takes a dict: root, component, values (`pdb`). */}}
{{- define "energy-pipeline.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "energy-pipeline.fullname" .root }}-{{ .component }}
  labels:
    {{- include "energy-pipeline.labels" (list .root .component) | nindent 4 }}
spec:
  maxUnavailable: {{ .values.maxUnavailable }}
  {{- if semverCompare ">=1.27-0" .root.Capabilities.KubeVersion.Version }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- end }}
  selector:
    matchLabels:
      {{- include "energy-pipeline.selectorLabels" (list .root .component) | nindent 6 }}
{{- end -}}
