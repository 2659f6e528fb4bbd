// Sends spans with the OpenTelemetry SDK for Go, for test/interop/sdk-go.spec.ts: sdk-go <http|grpc> <host:port> <service> <spans>.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func exporterFor(ctx context.Context, protocol, endpoint string) (*otlptrace.Exporter, error) {
	if protocol == "grpc" {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(endpoint),
			otlptracegrpc.WithCompressor("gzip"), otlptracegrpc.WithTimeout(20*time.Second))
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(endpoint),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithTimeout(20*time.Second))
}

func main() {
	ctx := context.Background()
	protocol, endpoint, service := os.Args[1], os.Args[2], os.Args[3]
	spans, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { fmt.Fprintln(os.Stderr, "export failed:", err) }))
	exporter, err := exporterFor(ctx, protocol, endpoint)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxExportBatchSize(100), sdktrace.WithMaxQueueSize(spans+1), sdktrace.WithExportTimeout(30*time.Second)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))),
	)
	tracer := provider.Tracer("interop", trace.WithInstrumentationVersion("1.0.0"))
	for i := 0; i < spans; i++ {
		_, span := tracer.Start(ctx, "work", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.Int("count", 42), attribute.Bool("flag", true), attribute.Float64("ratio", 0.5),
			attribute.StringSlice("list", []string{"a", "b"}), attribute.String("text", "naïve ☂")))
		span.AddEvent("note", trace.WithAttributes(attribute.String("why", "test")))
		span.SetStatus(codes.Error, "broken on purpose")
		span.End()
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("sent", spans)
}
