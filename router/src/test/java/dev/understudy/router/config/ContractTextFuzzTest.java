package dev.understudy.router.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.contract.ContractException;
import dev.understudy.proto.contract.ContractFile;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.router.guard.AnswerGuard;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** A contract file as text: read, or refused with its problems. */
class ContractTextFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void anyTextIsReadOrRefused(byte[] data) {
    Object tree;
    try {
      tree =
          new Load(LoadSettings.builder().setMaxAliasesForCollections(0).build())
              .loadFromString(new String(data, StandardCharsets.UTF_8));
    } catch (YamlEngineException e) {
      return;
    }
    if (!(tree instanceof Map<?, ?> map)) {
      return;
    }
    try {
      DataContract contract = ContractFile.parse("fuzz", map);
      assertEquals(ContractFile.digest(contract), contract.getDigest());
      assertEquals(contract.getAnswers().hasDisagree(), new AnswerGuard("m", contract).compares());
      ContractCheck check = ContractCheck.of(contract);
      boolean ruled =
          contract.hasRows() || contract.hasEventTime() || contract.getFeaturesCount() > 0;
      assertFalse(check != null && !ruled && contract.getInputsCount() == 0);
    } catch (ContractException e) {
      assertFalse(e.problems().isEmpty());
    }
  }
}
