package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.modelkit.repository.ModelRepository;
import dev.understudy.modelserver.config.ModelServerConfig;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelReadyRequest;
import dev.understudy.proto.inference.ModelRepositoryParameter;
import dev.understudy.proto.inference.RepositoryIndexRequest;
import dev.understudy.proto.inference.RepositoryModelLoadRequest;
import dev.understudy.proto.inference.RepositoryModelUnloadRequest;
import dev.understudy.proto.inference.ServerMetadataRequest;
import dev.understudy.proto.inference.ServerReadyRequest;
import io.grpc.Status;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models come, change and go while the server runs. */
class LifecycleTest {
  @TempDir Path repository;

  private TestServer explicit(String... models) throws Exception {
    return TestServer.start(ModelServerConfig.local(repository).withExplicit(models));
  }

  @Test
  void anExplicitServerLoadsWhatItIsToldTo() throws Exception {
    add(1, 1f, null);
    Fixtures.write(repository, "other", 1, Fixtures.add(5), null);
    try (var server = explicit("add")) {
      assertEquals(2f, infer(server, "", 1f));
      TestServer.refused(
          Status.Code.NOT_FOUND,
          "Request for unknown model: 'other' is not found",
          () -> server.client().modelInfer(TestServer.column("other", "x", 1f)));
      assertEquals(List.of("add 1 READY ", "other   "), index(server));
      load(server, "other", null);
      assertTrue(ready(server, "other"));
      unload(server, "other");
      assertFalse(ready(server, "other"));
      TestServer.refused(
          Status.Code.NOT_FOUND,
          "'other' has no available versions",
          () -> server.client().modelInfer(TestServer.column("other", "x", 1f)));
      assertTrue(
          server.client().serverReady(ServerReadyRequest.getDefaultInstance()).getReady(),
          "what was unloaded on purpose is not missing");
      TestServer.refused(
          Status.Code.INTERNAL,
          "failed to load 'nobody', failed to poll from model repository",
          () -> load(server, "nobody", null));
    }
  }

  @Test
  void aVersionPolicyInTheLoadRequestReplacesTheOneOfTheFile() throws Exception {
    add(1, 1f, "version_policy: { latest { num_versions: 1 } }");
    add(2, 2f, null);
    add(3, 3f, null);
    try (var server = explicit("add")) {
      assertEquals(List.of("add 3 READY "), index(server));
      load(server, "add", "{\"version_policy\":{\"specific\":{\"versions\":[1,2]}}}");
      assertEquals(
          List.of("add 1 READY ", "add 2 READY ", "add 3 UNAVAILABLE unloaded"), index(server));
      assertEquals(2f, infer(server, "1", 1f));
      assertEquals(3f, infer(server, "2", 1f));
      assertEquals(3f, infer(server, "", 1f), "the highest ready version");
      assertEquals(
          List.of("1", "2"),
          server
              .client()
              .modelMetadata(ModelMetadataRequest.newBuilder().setName("add").build())
              .getVersionsList());
      TestServer.refused(
          Status.Code.INTERNAL,
          "failed to load 'add', version 9: its folder is missing",
          () -> load(server, "add", "{\"version_policy\":{\"specific\":{\"versions\":[1,9]}}}"));
      assertEquals(3f, infer(server, "2", 1f), "a failed load takes nothing away");
      TestServer.refused(
          Status.Code.INTERNAL,
          "failed to load 'add', parameter 'config' is not a model configuration",
          () -> load(server, "add", "{\"nonsense\":1}"));
    }
  }

  @Test
  void theDigestOfASingleFileIsItsSha256() throws Exception {
    add(1, 1f, null);
    try (var server = explicit("add")) {
      assertEquals(
          ModelRepository.sha256(Fixtures.add(1)),
          server
              .client()
              .modelMetadata(ModelMetadataRequest.newBuilder().setName("add").build())
              .getPropertiesOrThrow("digest"));
    }
  }

  @Test
  void aFailedReloadLeavesTheOldOneServing() throws Exception {
    add(1, 1f, null);
    try (var server = explicit("add")) {
      Fixtures.write(repository, "add", 1, Fixtures.zipMap(), null);
      String text =
          TestServer.refused(
              Status.Code.INTERNAL, "failed to load 'add'", () -> load(server, "add", null));
      assertTrue(text.contains("zipmap=False"), text);
      assertEquals(2f, infer(server, "1", 1f));
      assertTrue(index(server).getFirst().startsWith("add 1 READY kept; its successor failed"));
      Fixtures.write(repository, "add", 1, Fixtures.add(7), null);
      load(server, "add", null);
      assertEquals(8f, infer(server, "1", 1f));
      assertEquals(List.of("add 1 READY "), index(server));
    }
  }

  @Test
  void reloadsUnderLoadCostNobodyACall() throws Exception {
    add(1, 1f, null);
    try (var server = explicit("add");
        var executor = Executors.newCachedThreadPool()) {
      var stop = new AtomicBoolean();
      var calls = new AtomicLong();
      List<Future<?>> callers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        callers.add(
            executor.submit(() -> {
              while (!stop.get()) {
                float answer = infer(server, calls.get() % 2 == 0 ? "" : "1", 1f);
                assertTrue(answer >= 2 && answer <= 22, "answer " + answer);
                calls.incrementAndGet();
              }
              return null;
            }));
      }
      try {
        for (int round = 2; round <= 21; round++) {
          add(1, round, null);
          load(server, "add", null);
          assertEquals(round + 1f, infer(server, "1", 1f), "visible once the load has returned");
        }
      } finally {
        stop.set(true);
      }
      for (Future<?> caller : callers) {
        caller.get(20, TimeUnit.SECONDS);
      }
      assertTrue(calls.get() > 20, calls + " calls");
    }
  }

  @Test
  void unchangedVersionsAreKeptAsTheyAre() throws Exception {
    add(1, 1f, "version_policy: { all { } }");
    try (var server = explicit("add")) {
      assertEquals(2f, infer(server, "1", 1f));
      add(2, 2f, null);
      load(server, "add", null);
      assertEquals(3f, infer(server, "2", 1f));
      assertEquals(1, server.statistics("add").getInferenceCount(), "version 1 kept its counts");
    }
  }

  @Test
  void whatContradictsTheModelIsRefusedWithTheReason() throws Exception {
    Map<String, String> reasons = new LinkedHashMap<>();
    reasons.put("input { name: \"z\" }", "input [z] is not in the model");
    reasons.put(
        "max_batch_size: 4 input { name: \"x\" data_type: TYPE_INT32 dims: 1 }",
        "'x' has data_type TYPE_INT32, but the model has TYPE_FP32");
    reasons.put(
        "max_batch_size: 4 input { name: \"x\" data_type: TYPE_FP32 dims: 3 }",
        "'x' has dims [3], but the model has [1]");
    reasons.put("name: \"else\"", "name is 'else'");
    reasons.put("backend: \"tensorrt\"", "backend 'tensorrt' is not supported");
    reasons.put("sequence_batching { }", "sequence_batching is not supported");
    reasons.put("instance_group { kind: KIND_GPU }", "asks for a GPU");
    reasons.put("batch_input { }", "does not support batch_input");
    reasons.put("max_batch_sise: 4", "does not support max_batch_sise");
    reasons.put(
        "max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }", "preferred_batch_size 8");
    reasons.put(
        "model_warmup { name: \"w\" batch_size: 1 inputs { key: \"y\" value: { } } }",
        "warmup 'w': input 'x' of type TYPE_FP32 is missing");
    int number = 0;
    for (String config : reasons.keySet()) {
      Fixtures.write(repository, "m" + number++, 1, Fixtures.add(1), config);
    }
    Fixtures.write(repository, "fixed", 1, Fixtures.fixedBatch(3, 1), "max_batch_size: 4");
    try (var server = explicit("*")) {
      List<String> index = index(server);
      assertEquals(reasons.size() + 1, index.size());
      number = 0;
      for (String reason : reasons.values()) {
        String model = "m" + number++;
        assertTrue(
            index.stream().anyMatch(l -> l.startsWith(model + " ") && l.contains(reason)),
            () -> model + " lacks " + reason + ": " + index);
        assertFalse(ready(server, model));
      }
      assertTrue(
          index.stream().anyMatch(l -> l.startsWith("fixed 1 ") && l.contains("is not open")),
          index.toString());
    }
  }

  @Test
  void theServersNameCanBeTritons() throws Exception {
    try (var server =
        TestServer.start(ModelServerConfig.local(repository).withServerName("triton"))) {
      var metadata = server.client().serverMetadata(ServerMetadataRequest.getDefaultInstance());
      assertEquals("triton", metadata.getName());
      assertTrue(metadata.getExtensionsList().contains("statistics"));
      assertFalse(metadata.getExtensionsList().contains("cuda_shared_memory"));
    }
  }

  private void add(int version, float k, @Nullable String config) {
    Fixtures.write(repository, "add", version, Fixtures.add(k), config);
  }

  private static float infer(TestServer server, String version, float value) {
    ModelInferResponse answer =
        server
            .client()
            .modelInfer(
                TestServer.column("add", "x", value).toBuilder().setModelVersion(version).build());
    return TestServer.floats(answer, 0)[0];
  }

  private static void load(TestServer server, String model, @Nullable String config) {
    var request = RepositoryModelLoadRequest.newBuilder().setModelName(model);
    if (config != null) {
      request.putParameters(
          "config", ModelRepositoryParameter.newBuilder().setStringParam(config).build());
    }
    var response = server.client().repositoryModelLoad(request.build());
    assertEquals(0, response.getSerializedSize());
  }

  private static void unload(TestServer server, String model) {
    var response =
        server
            .client()
            .repositoryModelUnload(
                RepositoryModelUnloadRequest.newBuilder()
                    .setModelName(model)
                    .putParameters(
                        "unload_dependents",
                        ModelRepositoryParameter.newBuilder().setBoolParam(false).build())
                    .build());
    assertEquals(0, response.getSerializedSize());
  }

  private static boolean ready(TestServer server, String model) {
    return server
        .client()
        .modelReady(ModelReadyRequest.newBuilder().setName(model).build())
        .getReady();
  }

  private static List<String> index(TestServer server) {
    return server
        .client()
        .repositoryIndex(RepositoryIndexRequest.getDefaultInstance())
        .getModelsList()
        .stream()
        .map(line ->
            line.getName()
                + " "
                + line.getVersion()
                + " "
                + line.getState()
                + " "
                + line.getReason())
        .toList();
  }
}
