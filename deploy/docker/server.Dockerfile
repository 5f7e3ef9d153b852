# The image of a share: share-manager in the place of Longhorn's, nfs-server alone, and the tools with which volumes are made ready.
# docker build -f deploy/docker/server.Dockerfile -t remuda/server .
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        libacl1-dev libblkid-dev libkrb5-dev libsqlite3-dev libtirpc-dev pkg-config zlib1g-dev
WORKDIR /source
COPY . .
RUN scripts/build-programs /programs nfs-server share-manager

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates cryptsetup-bin e2fsprogs libacl1 libblkid1 libgssapi-krb5-2 libkrb5-3 libsqlite3-0 libstdc++6 libtirpc3 mount \
        util-linux xfsprogs zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /programs/ /usr/local/bin/
# What Longhorn and its scripts call them.
RUN ln -s /usr/local/bin/share-manager /longhorn-share-manager && ln -s nfs-server /usr/local/bin/ganesha.nfsd
# Mounting, and acting as each caller, is for root. Nothing is written but to the volume, /export, /run, /tmp and /var/run.
EXPOSE 2049 9600
ENTRYPOINT ["/usr/local/bin/share-manager"]
