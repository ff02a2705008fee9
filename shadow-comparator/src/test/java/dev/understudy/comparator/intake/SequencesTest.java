package dev.understudy.comparator.intake;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SequencesTest {
  @Test
  void behavesAsASetOfNumbers() {
    SplittableRandom random = new SplittableRandom(1);
    for (int run = 0; run < 200; run++) {
      Sequences sequences = new Sequences();
      TreeSet<Long> model = new TreeSet<>();
      for (int step = 0; step < 60; step++) {
        long from = 1L + random.nextInt(40);
        if (random.nextInt(4) == 0) {
          long to = from + random.nextInt(6) - 1;
          sequences.addRange(from, to);
          for (long i = from; i <= to; i++) {
            model.add(i);
          }
        } else {
          assertEquals(model.add(from), sequences.add(from));
        }
        long through = 0;
        while (model.contains(through + 1)) {
          through++;
        }
        assertEquals(through, sequences.through());
        assertEquals(model.isEmpty() ? 0 : model.last(), sequences.greatest());
        for (long i = 1; i < 50; i++) {
          assertEquals(model.contains(i), sequences.contains(i));
        }
      }
    }
  }
}
