package dev.understudy.comparator.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparatorConfigTest {
  @TempDir Path folder;

  private static ComparatorConfig parse(String text) {
    return ConfigFile.parse("comparator.yaml", text, ComparatorConfig::read);
  }

  @Test
  void defaults() {
    ComparatorConfig config = parse("state: /var/lib/x\n");
    assertEquals(HostPort.loopback(8101), config.listen());
    assertEquals(Duration.ofMillis(500), config.clockSkew());
    assertEquals(64L << 20, config.blockQueueBytes());
    assertEquals(32L << 20, config.comparisonQueueBytes());
    assertEquals(Duration.ofDays(400), config.keepAge());
    assertEquals(64L << 30, config.keepBytes());
    assertNull(config.metrics());
    assertNull(config.judge());
    assertNull(config.tls());
    assertNull(config.token());
  }

  @Test
  void aWorkerKnowsItsJudgeAndKeepsNothing() throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef");
    ComparatorConfig config =
        parse(
            """
            metrics: 127.0.0.1:9101
            worker:
              judge: 10.0.0.7:8101
              tls: {trust: /tls/ca.pem}
              tokenFile: %s
            """
                .formatted(token));
    ComparatorConfig.Judge judge = Objects.requireNonNull(config.judge());
    assertEquals("10.0.0.7:8101", judge.address().toString());
    assertEquals("0123456789abcdef", judge.token());
    assertNotNull(judge.tls());
    assertFalse(judge.toString().contains("0123456789abcdef"));
    assertEquals(HostPort.loopback(9101), config.metrics());
    assertThrows(IllegalStateException.class, config::logs);
    var e =
        assertThrows(
            ConfigException.class, () -> parse("state: /x\nworker: {judge: 127.0.0.1:1}\n"));
    assertTrue(e.problems().getFirst().contains("a worker keeps nothing"), e::getMessage);
  }

  @Test
  void whatIsKeptHasBounds() {
    ComparatorConfig config = parse("state: /x\nretention: {age: 30d, bytes: 1GiB}\n");
    assertEquals(Duration.ofDays(30), config.keepAge());
    assertEquals(1L << 30, config.keepBytes());
    assertThrows(ConfigException.class, () -> parse("state: /x\nretention: {age: 1s}\n"));
  }

  @Test
  void fullMapping() throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef");
    Path routers = Files.writeString(folder.resolve("routers"), "fedcba9876543210");
    ComparatorConfig config =
        parse(
            """
            listen: 0.0.0.0:7000
            state: /data
            clockSkew: 2s
            queues:
              blocks: 1MiB
              comparisons: 2MiB
            tls:
              certificate: /tls/cert.pem
              key: /tls/key.pem
            tokenFile: %s
            routerTokenFile: %s
            """
                .formatted(token, routers));
    assertEquals(7000, config.listen().port());
    assertEquals(Path.of("/data"), config.state());
    assertEquals(Duration.ofSeconds(2), config.clockSkew());
    assertEquals(1L << 20, config.blockQueueBytes());
    assertEquals(2L << 20, config.comparisonQueueBytes());
    assertNotNull(config.tls());
    assertEquals("0123456789abcdef", config.token());
    assertEquals("fedcba9876543210", config.routerToken());
    assertFalse(config.toString().matches(".*(0123456789abcdef|fedcba9876543210).*"));
  }

  @Test
  void aRoutersTokenMustBeOneOfItsOwn() throws Exception {
    Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef");
    String file = "state: /x\nrouterTokenFile: " + token + "\n";
    for (String more : List.of("", "tokenFile: " + token + "\n")) {
      var e = assertThrows(ConfigException.class, () -> parse(file + more));
      assertTrue(e.problems().getFirst().contains("routerTokenFile"), e::getMessage);
    }
  }

  @Test
  void offLoopbackNothingStartsUnprotected() {
    var e = assertThrows(ConfigException.class, () -> parse("state: /x\nlisten: 0.0.0.0:1\n"));
    assertTrue(e.problems().getFirst().contains("off loopback nothing starts"), e::getMessage);
  }

  @Test
  void allProblemsAtOnce() {
    ConfigException e =
        assertThrows(
            ConfigException.class,
            () -> parse("clockSkew: 2h\nqueues: {blocks: 1KiB}\nstat: /x\n"));
    assertEquals(4, e.problems().size(), e.problems().toString());
  }
}
