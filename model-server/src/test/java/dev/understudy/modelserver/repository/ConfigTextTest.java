package dev.understudy.modelserver.repository;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.modelserver.execution.ModelLoadException;
import dev.understudy.proto.inference.ModelVersionPolicy;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ConfigTextTest {
  @Test
  void aWrittenMaximumIsToldFromAnAbsentOne() throws Exception {
    assertTrue(ConfigText.parse("max_batch_size: 0").setsMaxBatchSize());
    assertTrue(ConfigText.parse("name: \"m\" max_batch_size:8").setsMaxBatchSize());
    assertFalse(ConfigText.parse("# max_batch_size: 8\n").setsMaxBatchSize());
    assertFalse(ConfigText.parse("name: \"max_batch_size: 8\"").setsMaxBatchSize());
  }

  @Test
  void harmlessFieldsOfTritonsAreReportedAndLeftOut() throws Exception {
    ConfigText text = ConfigText.parse("optimization { graph { level: 1 } }\nmax_batch_size: 4");
    assertEquals(Set.of("optimization"), text.ignored());
    assertEquals(4, text.config().getMaxBatchSize());
    assertEquals(Set.of("optimization"), ConfigCheck.check("m", text));
  }

  @Test
  void everythingThatIsRefusedIsNamedAtOnce() throws Exception {
    ConfigText text =
        ConfigText.parse(
            "platform: \"x\" max_batch_size: -1 model_transaction_policy { decoupled: true }"
                + " input { name: \"i\" reshape { } optional: true }"
                + " parameters { key: \"intra_op_thread_count\" value { string_value: \"-3\" } }");
    String message =
        String.valueOf(
            assertThrows(ModelLoadException.class, () -> ConfigCheck.check("m", text))
                .getMessage());
    for (String part :
        List.of(
            "platform 'x'",
            "max_batch_size is -1",
            "decoupled",
            "reshape",
            "optional",
            "intra_op_thread_count is '-3'")) {
      assertTrue(message.contains(part), message + " lacks " + part);
    }
  }

  @Test
  void anOverrideReplacesWholeFields() throws Exception {
    ConfigText text =
        ConfigText.parse("max_batch_size: 4 version_policy { specific { versions: [1] } }")
            .override("{\"versionPolicy\":{\"specific\":{\"versions\":[2,3]}}}");
    assertEquals(List.of(2L, 3L), text.config().getVersionPolicy().getSpecific().getVersionsList());
    assertEquals(4, text.config().getMaxBatchSize());
  }

  @Test
  void thePolicyChoosesVersions() {
    NavigableSet<Long> disk = new TreeSet<>(Set.of(1L, 2L, 10L));
    assertEquals(Set.of(10L), VersionPolicy.choose(ModelVersionPolicy.getDefaultInstance(), disk));
    assertEquals(
        Set.of(2L, 10L),
        VersionPolicy.choose(
            ModelVersionPolicy.newBuilder()
                .setLatest(ModelVersionPolicy.Latest.newBuilder().setNumVersions(2))
                .build(),
            disk));
    assertEquals(
        disk,
        VersionPolicy.choose(
            ModelVersionPolicy.newBuilder()
                .setAll(ModelVersionPolicy.All.getDefaultInstance())
                .build(),
            disk));
    assertEquals(
        Set.of(2L, 7L),
        VersionPolicy.choose(
            ModelVersionPolicy.newBuilder()
                .setSpecific(ModelVersionPolicy.Specific.newBuilder().addVersions(7).addVersions(2))
                .build(),
            disk));
  }

  /** Whatever lies in the folder: a configuration, or a refusal with a text. Nothing else. */
  @FuzzTest(maxDuration = "60s")
  void anyTextIsReadOrRefused(byte[] bytes) {
    try {
      ConfigText text = ConfigText.parse(new String(bytes, StandardCharsets.UTF_8));
      assertNotNull(ConfigCheck.check("m", text));
    } catch (ModelLoadException e) {
      assertNotNull(e.getMessage());
    }
  }
}
