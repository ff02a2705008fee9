package dev.understudy.comparator.pairs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.proto.v1.Comparison;
import dev.understudy.proto.v1.KeptPair;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.TensorValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptPairsTest {
  @TempDir Path folder;

  private final KeptPairs kept = new KeptPairs();

  private static KeptPair pair(String id, int divergence, int bytes) {
    return KeptPair.newBuilder()
        .setDivergence(divergence)
        .setComparison(
            Comparison.newBuilder()
                .setPredictionId(id)
                .setRole(Role.SHADOW)
                .setVersion("8")
                .addOutputs(
                    TensorValue.newBuilder()
                        .setName("p")
                        .setData(ByteString.copyFrom(new byte[bytes]))))
        .build();
  }

  private List<Integer> divergences(String rollout) throws IOException {
    return kept.read(rollout, folder, 0).stream().map(KeptPair::getDivergence).toList();
  }

  @Test
  void theHundredMostDivergentStayWorstFirstInWhateverOrderTheyCome() throws IOException {
    List<KeptPair> pairs = new ArrayList<>();
    for (int i = 1; i <= 300; i++) {
      pairs.add(pair("p" + i, i, 10));
    }
    Collections.shuffle(pairs, new Random(4));
    kept.open("r", folder);
    for (int i = 0; i < 300; i += 3) {
      kept.add("r", pairs.subList(i, i + 3));
    }
    kept.add("r", pairs.subList(0, 30));
    List<Integer> expected = new ArrayList<>();
    for (int i = 300; i > 200; i--) {
      expected.add(i);
    }
    assertEquals(expected, divergences("r"));
    assertEquals(
        expected.subList(0, 2),
        kept.read("r", folder, 2).stream().map(KeptPair::getDivergence).toList());
  }

  @Test
  void bytesAreBoundedForOneRolloutAndForAllTogether() throws IOException {
    KeptPairs small = new KeptPairs(10_000);
    Path other = Files.createDirectories(folder.resolve("other"));
    small.open("r", folder);
    small.open("s", other);
    for (int i = 1; i <= 30; i++) {
      small.add("r", List.of(pair("p" + i, i, 1000)));
    }
    assertEquals(9, small.read("r", folder, 0).size());
    assertEquals(30, small.read("r", folder, 0).getFirst().getDivergence());
    for (int i = 1; i <= 30; i++) {
      small.add("s", List.of(pair("p" + i, i, 1000)));
    }
    long r = small.read("r", folder, 0).stream().mapToLong(KeptPair::getSerializedSize).sum();
    long s = small.read("s", other, 0).stream().mapToLong(KeptPair::getSerializedSize).sum();
    assertTrue(r + s <= 10_000, r + " and " + s);
    assertTrue(r > 3000 && s > 3000, r + " and " + s);
    small.add("r", List.of(pair("huge", 1024, 3 << 20)));
    assertEquals(30, small.read("r", folder, 0).getFirst().getDivergence());
  }

  @Test
  void theySurviveARestartAndTheEndOfTheEvaluation() throws IOException {
    kept.open("r", folder);
    kept.add("r", List.of(pair("p", 7, 10), pair("q", 9, 10)));
    kept.stop("r");
    kept.write();
    assertEquals(List.of(9, 7), divergences("r"));
    KeptPairs next = new KeptPairs();
    next.open("r", folder);
    next.add("r", List.of(pair("o", 8, 10), pair("q", 9, 10)));
    assertEquals(
        List.of(9, 8, 7), next.read("r", folder, 0).stream().map(KeptPair::getDivergence).toList());
  }

  @Test
  void aDamagedFileCostsTheExamplesAndNothingElse() throws IOException {
    kept.open("r", folder);
    kept.add("r", List.of(pair("p", 7, 10)));
    kept.stop("r");
    kept.write();
    Path file = folder.resolve("kept-pairs");
    byte[] bytes = Files.readAllBytes(file);
    bytes[20] ^= 1;
    Files.write(file, bytes);
    assertThrows(IOException.class, () -> kept.read("r", folder, 0));
    KeptPairs next = new KeptPairs();
    next.open("r", folder);
    assertEquals(List.of(), next.read("r", folder, 0));
    next.add("r", List.of(pair("q", 3, 10)));
    next.write();
    assertEquals(List.of(3), divergences("r"));
  }

  @Test
  void removingARolloutRemovesItsFolder() throws IOException {
    Path own = Files.createDirectories(folder.resolve("r-x"));
    kept.open("x", own);
    kept.add("x", List.of(pair("p", 7, 10)));
    kept.write();
    kept.remove("x", own);
    kept.write();
    assertFalse(Files.exists(own));
    try (var left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }
}
