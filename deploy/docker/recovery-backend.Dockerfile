# The image of the recovery backend: one program, which needs no rights and no file system but that of its store.
# docker build -f deploy/docker/recovery-backend.Dockerfile -t remuda/recovery-backend .
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        libacl1-dev libblkid-dev libkrb5-dev libsqlite3-dev libtirpc-dev pkg-config zlib1g-dev
WORKDIR /source
COPY . .
RUN scripts/build-programs /programs recovery-backend

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libsqlite3-0 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 /var/lib/remuda
COPY --from=build /programs/ /usr/local/bin/
USER 65532:65532
EXPOSE 9503
ENTRYPOINT ["/usr/local/bin/recovery-backend"]
CMD ["serve"]
