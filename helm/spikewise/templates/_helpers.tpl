{{- /* Name of all objects: the release and the chart, or the release alone if it contains the chart's name. */}}
{{- define "spikewise.name" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* The path below which the service serves, without a slash at its end. */}}
{{- define "spikewise.path" -}}
{{ .Values.path | trimSuffix "/" }}
{{- end }}

{{- define "spikewise.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "spikewise.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
{{ include "spikewise.selector" . }}
{{- end }}

{{- define "spikewise.wideLabels" -}}
{{ include "spikewise.labels" . }}
app.kubernetes.io/component: wide
{{- end }}

{{- define "spikewise.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "spikewise.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "spikewise.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "spikewise.wideImage" -}}
{{- $image := .Values.wide.image }}
{{- $image.repository | default .Values.image.repository }}{{ with $image.digest }}@{{ . }}{{ else }}:{{ $image.tag | default (printf "%s-mpi" .Chart.AppVersion) }}{{ end }}
{{- end }}

{{- /* What the pods of all processes have in common: the fields of a pod. */}}
{{- define "spikewise.pod" -}}
automountServiceAccountToken: false
# Disabled, because a Service named spikewise would add variables such as SPIKEWISE_PORT, which look like settings.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext: {{- include "spikewise.podSecurity" . | nindent 2 }}
{{- end }}

{{- /* Where the pods of one kind of process may run. */}}
{{- define "spikewise.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Environment of a process; the argument has root, role and jobs. */}}
{{- define "spikewise.env" -}}
{{- $values := .root.Values }}
- {name: SPIKEWISE_JOBS_WORKERS, value: {{ .jobs | quote }}}
{{- if ne .role "server" }}
- {name: SPRING_PROFILES_ACTIVE, value: worker}
{{- end }}
{{- with include "spikewise.path" .root }}
- {name: SERVER_SERVLET_CONTEXTPATH, value: {{ . }}}
{{- end }}
{{- if $values.anonymous }}
- {name: SPIKEWISE_SECURITY_ANONYMOUS, value: "true"}
{{- end }}
{{- range $i, $key := $values.apiKeys }}
- {name: SPIKEWISE_SECURITY_APIKEYS_{{ $i }}_NAME, value: {{ $key.name | quote }}}
- {name: SPIKEWISE_SECURITY_APIKEYS_{{ $i }}_ROLE, value: {{ $key.role }}}
- {name: SPIKEWISE_SECURITY_APIKEYS_{{ $i }}_SHA256, value: {{ $key.sha256 | quote }}}
{{- with $key.tenant }}
- {name: SPIKEWISE_SECURITY_APIKEYS_{{ $i }}_TENANT, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- with $values.tenants }}
# As JSON, because environment variables cannot express every tenant's name.
- name: SPRING_APPLICATION_JSON
  value: {{ dict "spikewise" (dict "quotas" (dict "tenants" .)) | toJson | quote }}
{{- end }}
{{- if $values.database.url }}
- {name: SPRING_DATASOURCE_URL, value: {{ $values.database.url | quote }}}
{{- with $values.database.existingSecret }}
- name: SPRING_DATASOURCE_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: username}}
- name: SPRING_DATASOURCE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: password}}
{{- end }}
{{- end }}
{{- with $values.objects }}
{{- if ne .store "database" }}
- {name: SPIKEWISE_OBJECTS_STORE, value: {{ .store }}}
{{- end }}
{{- with .folder }}
- {name: SPIKEWISE_OBJECTS_FOLDER, value: {{ . | quote }}}
{{- end }}
{{- with .s3 }}
{{- if .bucket }}
- {name: SPIKEWISE_OBJECTS_S3_BUCKET, value: {{ .bucket | quote }}}
- {name: SPIKEWISE_OBJECTS_S3_PREFIX, value: {{ .prefix | quote }}}
- {name: SPIKEWISE_OBJECTS_S3_REGION, value: {{ .region | quote }}}
- {name: SPIKEWISE_OBJECTS_S3_PATHSTYLE, value: {{ .pathStyle | quote }}}
{{- with .endpoint }}
- {name: SPIKEWISE_OBJECTS_S3_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .existingSecret }}
- name: SPIKEWISE_OBJECTS_S3_ACCESSKEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: access-key}}
- name: SPIKEWISE_OBJECTS_S3_SECRETKEY
  valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: secret-key}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- include "spikewise.heapDump" .root }}
{{- with $values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "spikewise.heapDump" -}}
{{- with .Values.heapDump }}
- name: JAVA_TOOL_OPTIONS
  value: -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath={{ . }}
{{- end }}
{{- end }}

{{- /* Liveness does not depend on the database: an outage of the database must not end a training. After a kill, H2
       scans its file for at most 20 s per GiB before the service starts. */}}
{{- define "spikewise.probes" -}}
{{- $path := include "spikewise.path" . }}
{{- $start := 120 }}
{{- if not .Values.database.url }}
{{- $unit := .Values.storage | regexFind "[MGT]" }}
{{- $gib := .Values.storage | regexFind "[0-9]+" | int }}
{{- if eq $unit "T" }}{{ $gib = mul $gib 1024 }}{{ else if eq $unit "M" }}{{ $gib = div (add $gib 1023) 1024 }}{{ end }}
{{- $start = add $start (mul 20 $gib) }}
{{- end }}
{{- $liveness := dict "httpGet" (dict "path" (printf "%s/actuator/health/liveness" $path) "port" "http") }}
{{- $readiness := dict "httpGet" (dict "path" (printf "%s/actuator/health/readiness" $path) "port" "http") }}
startupProbe: {{- mergeOverwrite (deepCopy $liveness) (dict "periodSeconds" 2 "failureThreshold" (div $start 2)) .Values.probes.startup | toYaml | nindent 2 }}
livenessProbe: {{- mergeOverwrite (deepCopy $liveness) (dict "timeoutSeconds" 5) .Values.probes.liveness | toYaml | nindent 2 }}
readinessProbe: {{- mergeOverwrite $readiness (dict "timeoutSeconds" 5) .Values.probes.readiness | toYaml | nindent 2 }}
{{- end }}

{{- define "spikewise.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: cache, mountPath: /cache}
- {name: data, mountPath: /data}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "spikewise.volumes" -}}
- {name: tmp, emptyDir: {}}
- {name: cache, emptyDir: {sizeLimit: 1Gi}} # ND4J unpacks 0.45 GiB
{{- if .Values.database.url }}
- {name: data, emptyDir: {}}
{{- else }}
- {name: data, persistentVolumeClaim: {claimName: {{ include "spikewise.name" . }}-data}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
