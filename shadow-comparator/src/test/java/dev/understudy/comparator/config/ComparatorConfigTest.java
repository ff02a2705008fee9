package dev.understudy.comparator.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ComparatorConfigTest {
  private static ComparatorConfig parse(String text) {
    return ConfigFile.parse("comparator.yaml", text, ComparatorConfig::read);
  }

  @Test
  void defaults() {
    ComparatorConfig config = parse("stateDir: /var/lib/x\n");
    assertEquals(HostPort.loopback(9301), config.listen());
    assertEquals(Duration.ofMillis(500), config.clockSkew());
    assertEquals(64L << 20, config.blockQueueBytes());
    assertEquals(32L << 20, config.comparisonQueueBytes());
    assertNull(config.tls());
    assertNull(config.tokenFile());
  }

  @Test
  void fullMapping() {
    ComparatorConfig config =
        parse(
            """
            listen: 0.0.0.0:7000
            stateDir: /data
            clockSkew: 2s
            queues:
              blocks: 1MiB
              comparisons: 2MiB
            tls:
              certificate: /tls/cert.pem
              key: /tls/key.pem
            tokenFile: /token
            """);
    assertEquals(7000, config.listen().port());
    assertEquals(Path.of("/data"), config.stateDir());
    assertEquals(Duration.ofSeconds(2), config.clockSkew());
    assertEquals(1L << 20, config.blockQueueBytes());
    assertEquals(2L << 20, config.comparisonQueueBytes());
    assertNotNull(config.tls());
    assertEquals(Path.of("/token"), config.tokenFile());
  }

  @Test
  void allProblemsAtOnce() {
    ConfigException e =
        assertThrows(
            ConfigException.class,
            () -> parse("clockSkew: 2h\nqueues: {blocks: 1KiB}\nstateDirr: /x\n"));
    assertEquals(4, e.problems().size(), e.problems().toString());
  }
}
