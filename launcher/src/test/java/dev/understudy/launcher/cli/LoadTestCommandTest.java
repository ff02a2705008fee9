package dev.understudy.launcher.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.inference.ModelMetadataRequest;
import dev.understudy.proto.inference.ModelMetadataResponse;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command as people type it, against a server of the protocol that keeps what it gets. */
class LoadTestCommandTest {
  private final List<ModelInferRequest> received = Collections.synchronizedList(new ArrayList<>());
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private @Nullable Server server;
  @TempDir Path directory;

  /** Knows the models fraud and churn: one input FP32[-1, 3]. */
  private final class Models extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {
    @Override
    public void modelMetadata(
        ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> observer) {
      if (!Set.of("fraud", "churn").contains(request.getName())) {
        observer.onError(
            Status.NOT_FOUND.withDescription("no model " + request.getName()).asException());
        return;
      }
      observer.onNext(
          ModelMetadataResponse.newBuilder()
              .setName(request.getName())
              .addInputs(
                  ModelMetadataResponse.TensorMetadata.newBuilder()
                      .setName("features")
                      .setDatatype("FP32")
                      .addShape(-1)
                      .addShape(3))
              .build());
      observer.onCompleted();
    }

    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> observer) {
      received.add(request);
      observer.onNext(ModelInferResponse.newBuilder().setModelName(request.getModelName()).build());
      observer.onCompleted();
    }
  }

  @BeforeEach
  void start() throws Exception {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .addService(new Models())
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.shutdownNow();
    }
  }

  private int loadtest(String... options) {
    List<String> line = new ArrayList<>(List.of("loadtest", "--target"));
    line.add("127.0.0.1:" + port());
    line.addAll(List.of("--duration", "300ms", "--warmup", "0s"));
    line.addAll(List.of(options));
    return Commands.execute(
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        line.toArray(new String[0]));
  }

  private int port() {
    return java.util.Objects.requireNonNull(server).getPort();
  }

  private String errors() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void modelsRowsAndLimitsAreWhatWasAskedFor() throws Exception {
    Path json = directory.resolve("r.json");
    assertEquals(
        0,
        loadtest(
            "fraud=3",
            "churn@2=1",
            "--rate",
            "400",
            "--rows",
            "1:1,4:1",
            "--connections",
            "2",
            "--json",
            json.toString()),
        errors());
    assertEquals(
        Set.of("fraud/", "churn/2"),
        received.stream()
            .map(each -> each.getModelName() + "/" + each.getModelVersion())
            .collect(Collectors.toSet()));
    assertEquals(
        Set.of(1L, 4L),
        received.stream().map(each -> each.getInputs(0).getShape(0)).collect(Collectors.toSet()));
    JsonObject result = JsonParser.parseString(Files.readString(json)).getAsJsonObject();
    assertEquals(received.size(), result.get("calls").getAsInt());
    assertTrue(result.getAsJsonObject("latency_by_model_ns").has("churn@2"));
    assertEquals(3, loadtest("fraud", "--fail-if", "max>1us"));
    assertTrue(out.toString(StandardCharsets.UTF_8).contains("LIMIT PASSED: max>1us: was "));
    assertEquals(0, loadtest("fraud", "--fail-if", "p99>1000s"), errors());
  }

  @Test
  void requestsComeFromFilesOfEveryKind() throws Exception {
    Path folder = Files.createDirectory(directory.resolve("requests"));
    Files.writeString(
        folder.resolve("a.json"),
        "{\"inputs\":[{\"name\":\"features\",\"datatype\":\"FP32\",\"shape\":[1,3],"
            + "\"data\":[1,2,3]}]}");
    Files.writeString(folder.resolve("b.csv"), "x,y,z\n4,5,6\n7,,9\n10,11,12\n");
    Files.write(
        folder.resolve("c.bin"),
        ModelInferRequest.newBuilder().setModelName("fraud").setId("raw").build().toByteArray());
    assertEquals(
        0,
        loadtest("fraud", "--input", folder.toString(), "--rows", "2", "--rate", "400"),
        errors());
    Set<String> seen = new HashSet<>();
    for (ModelInferRequest request : received) {
      if (request.getId().equals("raw")) {
        seen.add("raw");
        continue;
      }
      var floats =
          request.getRawInputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      StringBuilder values = new StringBuilder(request.getInputs(0).getShapeList().toString());
      while (floats.hasRemaining()) {
        values.append(' ').append(floats.getFloat());
      }
      seen.add(values.toString());
    }
    assertEquals(
        Set.of(
            "raw", "[1, 3] 1.0 2.0 3.0", "[2, 3] 4.0 5.0 6.0 7.0 NaN 9.0", "[1, 3] 10.0 11.0 12.0"),
        seen);
  }

  @Test
  void aReplayLastsAsLongAsItsTimes() throws Exception {
    Path times = Files.writeString(directory.resolve("times"), "0\n0.2\n0.2\n0.8\n");
    Path json = directory.resolve("r.json");
    List<String> line =
        List.of(
            "loadtest",
            "fraud",
            "--target",
            "127.0.0.1:" + port(),
            "--warmup",
            "0s",
            "--replay",
            times.toString(),
            "--speed",
            "2",
            "--json",
            json.toString());
    assertEquals(
        0,
        Commands.execute(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            line.toArray(new String[0])),
        errors());
    assertEquals(4, received.size());
    double seconds =
        JsonParser.parseString(Files.readString(json))
            .getAsJsonObject()
            .get("seconds")
            .getAsDouble();
    assertEquals(.4, seconds, .05);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "; no MODEL (expected: the name of one or more)",
        "fraud=x; 'fraud=x' is no model (expected: NAME, NAME@VERSION or NAME=WEIGHT)",
        "fraud --rate 0; rate: 0.0 per second (expected: > 0)",
        "fraud --rows 0; rows: '0' (expected: N, FROM-TO or a list",
        "fraud --sweep 9; --sweep: '9' (expected: FROM..TO, such as 100..20000)",
        "fraud --sweep-limit p99>1ms; --sweep-limit (expected: with --sweep FROM..TO)",
        "fraud --sweep 1..9 --callers 2; a sweep (expected: one target, open loop, no replay)",
        "fraud --fail-if p99; 'p99' is no limit (expected: like p99>20ms, errors>0.1%, rate<900)",
        "fraud --fail-if ratio-p50>1; a limit for a ratio (expected: two targets)",
        "fraud --callers 0; callers: 0 (expected: 1 to 1,000,000)",
        "fraud --connections 0; connections: 0 (expected: 1 to 10,000)",
        "fraud --arrivals bursty --burst-factor 1; burst factor: 1.0 (expected: above 1)",
        "fraud --input gone.json; no such file: gone.json",
        "fraud churn --input gone.json; --input with several models (expected: one MODEL)",
        "fraud --principal-zipf 1; --principal-zipf (expected: with --principals FILE)"
      })
  void whatIsWrongIsSaidBeforeAnythingIsSent(String options, String expected) {
    String[] words = options == null ? new String[0] : options.split(" ", -1);
    assertEquals(2, loadtest(words));
    assertTrue(errors().startsWith("error: " + expected), errors());
    assertEquals(0, received.size());
  }

  @Test
  void aModelThatIsNotThereIsTheTargetsFault() {
    assertEquals(1, loadtest("nosuch"));
    assertEquals("error: metadata of [nosuch]: NOT_FOUND: no model nosuch\n", errors());
  }

  @Test
  void csvCellsThatAreNoNumbersAreNamed() throws Exception {
    Path csv = Files.writeString(directory.resolve("rows.csv"), "x,y,z\n1,2,3\n1,two,3\n");
    assertEquals(2, loadtest("fraud", "--input", csv.toString()));
    assertEquals(
        "error: " + csv + ": up to row 2: input 'features': \"two\" is no FP32\n", errors());
    Files.writeString(csv, "x,y,z\n1,2\n");
    assertEquals(2, loadtest("fraud", "--input", csv.toString()));
    assertTrue(errors().endsWith(": row 1 has 2 cells (expected: 3, as the header)\n"), errors());
  }

  @Test
  void keysOfPrincipalsNeverAppearInErrors() throws Exception {
    Path keys = Files.writeString(directory.resolve("keys"), "secret-a,1\nsecret-b,none\n");
    assertEquals(2, loadtest("fraud", "--principals", keys.toString()));
    assertEquals(
        "error: " + keys + ":2: weight (expected: KEY or KEY,WEIGHT with a weight > 0)\n",
        errors());
  }
}
