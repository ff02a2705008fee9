package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.telemetry.TracingSettings;
import dev.understudy.chassis.testing.FakeTraceCollector;
import dev.understudy.chassis.testing.FakeTraceCollector.Span;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.tensor.Datatype;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceFlowTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String RPC = "inference.GRPCInferenceService/ModelInfer";

  @TempDir static Path repository;

  private static io.grpc.ClientInterceptor parent(String span, boolean sampled) {
    Metadata metadata = new Metadata();
    metadata.put(
        Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER),
        "00-" + TRACE + "-" + span + (sampled ? "-01" : "-00"));
    return MetadataUtils.newAttachHeadersInterceptor(metadata);
  }

  private static ModelInferRequest request(String model) {
    return ModelInferRequest.newBuilder()
        .setModelName(model)
        .addInputs(TestServer.tensor("features", Datatype.FP32, 1, 8))
        .addRawInputContents(TestServer.floats(new float[8]))
        .build();
  }

  @Test
  void aTracedInferenceTellsItsQueueItsBatchWithItsCompanyAndItsCompute() throws Exception {
    Fixtures.write(
        repository,
        "mlp",
        1,
        Fixtures.mlp(8, 16, 2, 5),
        "max_batch_size: 3 dynamic_batching { max_queue_delay_microseconds: 5000000 }");
    try (FakeTraceCollector collector = FakeTraceCollector.start()) {
      ModelServerConfig config =
          ModelServerConfig.local(repository)
              .withTracing(new TracingSettings(collector.endpoint(), 0, 100, 1000));
      try (TestServer server = TestServer.start(config)) {
        List<Future<ModelInferResponse>> answers = new ArrayList<>();
        String[] parents = {"00f067aa0ba902b1", "00f067aa0ba902b2", "00f067aa0ba902b3"};
        for (int i = 0; i < 3; i++) {
          answers.add(
              server
                  .futures()
                  .withInterceptors(parent(parents[i], i < 2))
                  .modelInfer(request("mlp")));
        }
        for (Future<ModelInferResponse> answer : answers) {
          answer.get(10, TimeUnit.SECONDS);
        }
        assertThrows(
            StatusRuntimeException.class,
            () -> {
              ModelInferResponse unused =
                  server
                      .client()
                      .withInterceptors(parent(parents[2], true))
                      .modelInfer(request("nobody"));
              assertEquals("", unused.getModelName());
            });
        assertTrue(server.metrics().contains("understudy_model_server_spans_dropped_total 0"));
      }
      List<Span> roots = collector.named(RPC);
      assertEquals(3, roots.size(), "two answered and one refused; the third was not sampled");
      Set<String> batches = new HashSet<>();
      Set<String> company = new HashSet<>();
      Set<String> own = new HashSet<>();
      for (Span root : roots) {
        assertEquals(TRACE, root.traceId());
        assertEquals(2, root.kind());
        assertEquals("understudy-model-server", root.service());
        if ("5".equals(root.attributes().get("rpc.grpc.status_code"))) {
          assertFalse(root.attributes().containsKey("understudy.model"));
          assertEquals("00f067aa0ba902b3", root.parentId());
          continue;
        }
        own.add(root.spanId());
        assertEquals("mlp", root.attributes().get("understudy.model"));
        assertEquals("1", root.attributes().get("understudy.version"));
        List<Span> below =
            collector.spans().stream().filter(s -> s.parentId().equals(root.spanId())).toList();
        assertEquals(
            List.of("queue", "batch", "compute.input", "compute.infer", "compute.output"),
            below.stream().map(Span::name).toList());
        for (int i = 0; i < below.size(); i++) {
          Span child = below.get(i);
          assertTrue(child.startNanos() >= root.startNanos(), child.toString());
          assertTrue(child.endNanos() <= root.endNanos(), child.toString());
        }
        Span batch = below.get(1);
        assertEquals("3", batch.attributes().get("understudy.rows"));
        assertEquals(1, batch.links().size(), "the other traced request of the batch");
        batches.add(batch.spanId());
        company.addAll(batch.links());
      }
      assertEquals(2, batches.size());
      assertEquals(own, company);
    }
  }

  @Test
  void flagsAreReadAndRefusedByName() {
    ModelServerConfig config =
        ModelServerConfig.parse(
            "--model-repository",
            repository.toString(),
            "--tracing-endpoint",
            "http://c:4318",
            "--tracing-sample=5%");
    assertEquals(new TracingSettings("http://c:4318", 0.05, 1000, 8192), config.tracing());
    ConfigException refused =
        assertThrows(
            ConfigException.class,
            () ->
                ModelServerConfig.parse(
                    "--model-repository",
                    repository.toString(),
                    "--tracing-endpoint=c:4318",
                    "--tracing-sample=2"));
    assertEquals(
        List.of(
            "--tracing-sample: '2' (expected: a share such as 1% or 0.01)",
            "--tracing-endpoint: 'c:4318' (expected: http://host:port or https://host:port)"),
        refused.problems());
    assertEquals(
        List.of("--tracing-sample needs --tracing-endpoint"),
        assertThrows(
                ConfigException.class,
                () ->
                    ModelServerConfig.parse(
                        "--model-repository", repository.toString(), "--tracing-sample=2%"))
            .problems());
  }
}
