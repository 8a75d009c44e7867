# The image of the operator and token service: one static binary, no shell, no package manager, nobody's root.
# Build it with `make image`. test/install runs the same go build and checks that the binary needs nothing beside it.
#
# Pin both images by digest in your own builds: --build-arg BUILD_IMAGE=golang@sha256:…
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
# Modules first: they change less often than the code.
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY internal internal
ARG TARGETOS TARGETARCH
ARG VERSION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/watchword ./cmd/watchword

# Only CA certificates, time zones and /etc/passwd stand below the binary.
FROM ${BASE_IMAGE}
COPY --from=build /out/watchword /watchword
# By number, so that runAsNonRoot can be checked without reading /etc/passwd.
USER 65532:65532
EXPOSE 8443 8080 8081
ENTRYPOINT ["/watchword"]
