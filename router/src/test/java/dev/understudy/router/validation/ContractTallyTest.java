package dev.understudy.router.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.proto.contract.ContractFindings.Count;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ContractTallyTest {
  private static Map<String, Long> read(ContractTally tally) {
    Map<String, Long> all = new TreeMap<>();
    tally.read((model, rule, action, times) -> all.put(model + " " + rule + " " + action, times));
    return all;
  }

  @Test
  void countsAreSummedByModelRuleAndAction() {
    ContractTally tally = new ContractTally();
    tally.count("m", List.of(new Count("a.range", "refuse", 2), new Count("a.range", "flag", 1)));
    tally.count("m", List.of(new Count("a.range", "refuse", 3)));
    tally.count("n", List.of(new Count("a.range", "refuse", 1)));
    assertEquals(
        Map.of("m a.range refuse", 5L, "m a.range flag", 1L, "n a.range refuse", 1L), read(tally));
  }

  @Test
  void whatFindsNoRoomIsCountedTogether() {
    ContractTally tally = new ContractTally(2);
    for (int i = 0; i < 10; i++) {
      tally.count("m", List.of(new Count("r" + i, "refuse", 1)));
    }
    tally.count("m", List.of(new Count("r0", "refuse", 1)));
    assertEquals(
        Map.of("m r0 refuse", 2L, "m r1 refuse", 1L, "other other refuse", 8L), read(tally));
  }
}
