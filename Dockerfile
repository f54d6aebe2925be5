FROM maven:3-eclipse-temurin-25 AS build
WORKDIR /src
COPY pom.xml LICENSE ./
COPY src/main src/main
COPY src/client src/client
# Served at /docs.
COPY src/docs src/docs
RUN --mount=type=cache,target=/root/.m2 \
    mvn -B -ntp -q -Dmaven.test.skip=true package \
 && mv target/spikewise-*.jar spikewise.jar \
 && java -Djarmode=tools -jar spikewise.jar extract --layers --destination /layers

FROM eclipse-temurin:25-jdk AS java
# A Java runtime with the modules that the service can use, and with diagnostic tools (jcmd, JFR).
RUN jlink --output /java --compress zip-6 --strip-debug --no-header-files --no-man-pages --add-modules \
      java.se,jdk.incubator.vector,jdk.jcmd,jdk.jfr,jdk.management,jdk.naming.dns,jdk.net,jdk.unsupported,jdk.zipfs

# ND4J's native libraries need glibc and crash on musl. Fonts are needed for plots as PNG.
FROM debian:trixie-slim AS run
RUN apt-get -qq update \
 && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends fontconfig fonts-dejavu-core >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
ENV PATH=/opt/java/bin:$PATH LANG=C.UTF-8
COPY --from=java /java /opt/java
WORKDIR /app
COPY --from=build /layers/dependencies/ ./
COPY --from=build /layers/spring-boot-loader/ ./
COPY --from=build /layers/snapshot-dependencies/ ./
COPY --from=build /layers/application/ ./
COPY src/main/resources/jvm.options src/main/resources/META-INF/NOTICE LICENSE ./
COPY --chmod=755 src/main/docker/spikewise ./
# The heap is half of the container's memory. The process as a whole, including ND4J's native memory, may use 1.7 times the heap.
# After an OutOfMemoryError the state of other threads is unknown, so the process exits and is restarted.
ENV JDK_JAVA_OPTIONS="@/app/jvm.options -XX:MaxRAMPercentage=50 -XX:+ExitOnOutOfMemoryError -Dorg.bytedeco.javacpp.maxphysicalbytes=170% -Dorg.bytedeco.javacpp.cachedir=/cache" \
    SERVER_ADDRESS=0.0.0.0 \
    SPIKEWISE_DATA_DIR=/data
# This start exits once all classes are loaded and writes the AOT cache that later starts use.
RUN java -XX:AOTCacheOutput=spikewise.aot -Dspring.context.exit=onRefresh \
      -Dserver.address=127.0.0.1 -Dspring.datasource.url=jdbc:h2:mem:aot -jar spikewise.jar > /dev/null \
 && mkdir -p /data /cache && chown 10001:10001 /data /cache

USER 10001:10001
VOLUME ["/data", "/cache"]
EXPOSE 8080
# The image has neither curl nor wget.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /actuator/health/liveness HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'"]
ENTRYPOINT ["/app/spikewise"]

# docker build --target mpi: one training over many machines, whose ranks mpirun starts by ssh.
# UCX, which Open MPI links, depends on the libraries of AMD's GPUs for plugins that are useless here: 235 MB, removed.
FROM run AS mpi
USER root
RUN apt-get -qq update \
 && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
      openmpi-bin openssh-client openssh-server systemd-standalone-sysusers >/dev/null \
 && dpkg --purge --force-depends libamdhip64-5 libamd-comgr2 libhsa-runtime64-1 libllvm17t64 libz3-4 >/dev/null 2>&1 \
 && rm -rf /usr/lib/*/ucx/*rocm* \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /etc/ssh/ssh_host_* \
 && mkdir -p /run/sshd && useradd --uid 10001 --create-home --shell /bin/bash mpi
USER 10001:10001
# The launcher of Kubeflow mounts the keys over .ssh.
RUN mkdir -m 700 /home/mpi/.ssh \
 && printf '%s\n' 'Port 2222' 'HostKey /home/mpi/.ssh/id_rsa' 'PidFile none' 'StrictModes no' 'UsePAM no' \
      'AuthorizedKeysFile /home/mpi/.ssh/authorized_keys' > /home/mpi/.sshd_config
USER root
RUN printf 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  Port 2222\n' > /etc/ssh/ssh_config.d/mpi.conf
COPY --chmod=755 src/main/docker/wide /app/
USER 10001:10001

# Without a target: the plain image.
FROM run
