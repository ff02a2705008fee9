package dev.understudy.chassis.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnitsTest {
  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "7ns, 7",
    "200us, 200000",
    "250ms, 250000000",
    "1.5s, 1500000000",
    "5m, 300000000000",
    "1h30m, 5400000000000",
    "2d, 172800000000000"
  })
  void durationsCarryTheirUnit(String text, long nanos) {
    Duration duration = Units.duration(text);
    assertEquals(nanos, duration.toNanos());
    assertEquals(duration, Units.duration(Units.format(duration)));
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "512B, 512", "4KB, 4000", "64MiB, 67108864", "1.5GiB, 1610612736"})
  void sizesCarryTheirUnit(String text, long bytes) {
    assertEquals(bytes, Units.bytes(text));
    assertEquals(bytes, Units.bytes(Units.formatBytes(bytes)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "ms", "-1s", "1 s", "1x", "1s ", "0.1ns", "999999999999d"})
  void otherDurationsAreRefused(String text) {
    assertThrows(RuntimeException.class, () -> Units.duration(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "MiB", "-1B", "1kb", "0.3B", "99999999999TiB"})
  void otherSizesAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Units.bytes(text));
  }

  @Test
  void durationsForPeopleAreRounded() {
    assertEquals("1.25ms", Units.formatRounded(Duration.ofNanos(1_249_999)));
    assertEquals("123ms", Units.formatRounded(Duration.ofMillis(123)));
    assertEquals("12ns", Units.formatRounded(Duration.ofNanos(12)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1:0", "[::1]:8001", "localhost:65535", "a.example.com:1"})
  void addressesReadBackAsWritten(String text) {
    assertEquals(text, HostPort.parse(text).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ":80", "host", "host:", "host:65536", "::1:80", "[host]:1", "a b:1"})
  void otherAddressesAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> HostPort.parse(text));
  }

  @Test
  void onlyThisMachineIsLoopback() {
    assertTrue(HostPort.parse("127.8.9.1:1").isLoopback());
    assertTrue(HostPort.parse("[::1]:1").isLoopback());
    assertTrue(HostPort.parse("LocalHost:1").isLoopback());
    assertFalse(HostPort.parse("0.0.0.0:1").isLoopback());
    assertFalse(HostPort.parse("[::]:1").isLoopback());
    assertFalse(HostPort.parse("127.example.com:1").isLoopback());
  }
}
