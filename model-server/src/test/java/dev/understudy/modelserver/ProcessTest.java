package dev.understudy.modelserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import dev.understudy.modelkit.fixtures.Fixtures;
import dev.understudy.proto.inference.GRPCInferenceServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server as a process of its own, as operators run it. */
class ProcessTest {
  @TempDir Path folder;

  @Test
  void aLongCommandLineAndSigtermAreSurvived() throws Exception {
    Path repository = folder.resolve("models");
    Fixtures.write(repository, "add", 1, Fixtures.add(1), null);
    Path ready = folder.resolve("ready.json");
    Process process =
        java(
            "--model-repository=" + repository,
            "--grpc-port=0",
            "--metrics-port=0",
            "--drain-window-secs=0",
            "--ready-file=" + ready);
    try {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
      while (!Files.exists(ready)) {
        assertTrue(process.isAlive() && System.nanoTime() - end < 0, () -> "not ready: " + log());
        boolean ended = process.waitFor(20, TimeUnit.MILLISECONDS);
        assertTrue(!ended, () -> "ended: " + log());
      }
      int port =
          JsonParser.parseString(Files.readString(ready)).getAsJsonObject().get("grpc").getAsInt();
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
      try {
        var answer =
            GRPCInferenceServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(20, TimeUnit.SECONDS)
                .modelInfer(TestServer.column("add", "x", 1f));
        assertEquals(2f, TestServer.floats(answer, 0)[0]);
      } finally {
        channel.shutdownNow();
      }
      process.destroy();
      assertTrue(process.waitFor(30, TimeUnit.SECONDS), "SIGTERM did not end it");
      assertEquals(0, process.exitValue(), this::log);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void wrongFlagsEndItWithCodeTwo() throws Exception {
    Process process = java("--model-repository=" + folder, "--grpc-prot=1", "--http-port=1");
    assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    assertEquals(2, process.exitValue());
    assertTrue(log().contains("did you mean --grpc-port?"), log());
    assertTrue(log().contains("--http-port: this server speaks gRPC only"), log());
  }

  private Process java(String... flags) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dpadding=" + "x/:.".repeat(5_000),
                "-cp",
                System.getProperty("java.class.path"),
                ModelServerMain.class.getName()));
    command.addAll(List.of(flags));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("log").toFile())
        .start();
  }

  private String log() {
    try {
      return Files.readString(folder.resolve("log"));
    } catch (IOException e) {
      return e.toString();
    }
  }
}
