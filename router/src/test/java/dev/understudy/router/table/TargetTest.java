package dev.understudy.router.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TargetTest {
  @ParameterizedTest
  @ValueSource(strings = {"h:1", "127.0.0.1:8001", "[::1]:65535", "dns:///m.svc.local:8001"})
  void whatIsReadIsWrittenTheSame(String text) {
    Target target = Target.parse(text);
    assertEquals(text, target.toString());
    assertEquals(text.startsWith("dns:///"), target.dns());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://h:1     | (expected: host:port or dns:///name:port)",
        "dns://8.8.8.8/h:1 | (expected: host:port or dns:///name:port)",
        "dns:///h       | (expected: host:port",
        "h:0            | (expected: a port from 1 to 65535)",
        "h:65536        | (expected: 0..65535)",
        "dns:///:1      | (expected: host:port"
      })
  void allElseIsRefusedWithWhatWasExpected(String text, String expected) {
    String said =
        String.valueOf(
            assertThrows(IllegalArgumentException.class, () -> Target.parse(text)).getMessage());
    assertTrue(said.contains(expected), said);
    assertFalse(said.isEmpty());
  }
}
