import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.concurrent.TimeUnit;

/** Sends spans with the OpenTelemetry SDK for Java, for sdk-others.spec.ts: Sender.java <http|grpc> <base url> <service> <spans>. */
public class Sender {
  public static void main(String[] args) {
    int spans = Integer.parseInt(args[3]);
    SpanExporter exporter =
        args[0].equals("grpc")
            ? OtlpGrpcSpanExporter.builder().setEndpoint(args[1]).setCompression("gzip").build()
            : OtlpHttpSpanExporter.builder().setEndpoint(args[1] + "/v1/traces").setCompression("gzip").build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).setMaxExportBatchSize(100).setMaxQueueSize(spans + 100).build())
            .setResource(Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), args[2])))
            .build();
    Tracer tracer = provider.tracerBuilder("interop").setInstrumentationVersion("1.0.0").build();
    for (int i = 0; i < spans; i++) {
      Span span = tracer.spanBuilder("work").setSpanKind(SpanKind.SERVER).startSpan();
      span.setAttribute("count", 42).setAttribute("flag", true).setAttribute("ratio", 0.5).setAttribute("text", "naïve ☂");
      span.setAttribute(AttributeKey.stringArrayKey("list"), java.util.List.of("a", "b"));
      span.addEvent("note", Attributes.of(AttributeKey.stringKey("why"), "test"));
      span.setStatus(StatusCode.ERROR, "broken on purpose");
      span.end();
    }
    provider.shutdown().join(30, TimeUnit.SECONDS);
    System.out.println("sent " + spans);
  }
}
