package dev.understudy.modelserver.batching;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.modelserver.batching.BatchDecision.Take;
import dev.understudy.modelserver.batching.BatchDecision.WaitUntil;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BatchPolicyTest {
  private static final BatchRules DELAYED = new BatchRules(true, 8, 100, List.of());

  @Test
  void withoutJoiningTheFirstGoesAlone() {
    assertEquals(new Take(1), decide(BatchRules.alone(8), 0, of(3, 0), of(1, 0)));
  }

  @Test
  void withoutDelayWhatIsThereGoes() {
    var rules = new BatchRules(true, 8, 0, List.of());
    assertEquals(new Take(1), decide(rules, 5, of(1, 5)));
    assertEquals(new Take(3), decide(rules, 5, of(1, 5), of(2, 5), of(1, 5)));
  }

  @Test
  void theDelayIsMeasuredFromTheArrivalOfTheOldest() {
    assertEquals(new WaitUntil(110), decide(DELAYED, 50, of(1, 10), of(1, 40)));
    assertEquals(new Take(2), decide(DELAYED, 110, of(1, 10), of(1, 40)));
  }

  @Test
  void aFullBatchGoesAtOnce() {
    assertEquals(new Take(2), decide(DELAYED, 0, of(4, 0), of(4, 0)));
    assertEquals(new Take(2), decide(DELAYED, 0, of(4, 0), of(4, 0), of(4, 0)));
  }

  @Test
  void aRequestThatDoesNotFitClosesTheBatch() {
    assertEquals(new Take(2), decide(DELAYED, 0, of(4, 0), of(3, 0), of(2, 0)));
  }

  @Test
  void theLargestPreferredPrefixGoesAtOnce() {
    var rules = new BatchRules(true, 8, 100, List.of(4, 2));
    assertEquals(new WaitUntil(100), decide(rules, 0, of(1, 0)));
    assertEquals(new Take(2), decide(rules, 0, of(1, 0), of(1, 0)));
    assertEquals(new Take(2), decide(rules, 0, of(1, 0), of(1, 0), of(1, 0)));
    assertEquals(new Take(4), decide(rules, 0, of(1, 0), of(1, 0), of(1, 0), of(1, 0), of(1, 0)));
  }

  @Test
  void aRequestIsNeverHeldPastItsDeadlineLessTheRun() {
    var urgent = new Entry(1, 0, 60);
    assertEquals(new WaitUntil(40), decide(DELAYED, 10, 20, of(1, 0), urgent));
    assertEquals(new Take(2), decide(DELAYED, 40, 20, of(1, 0), urgent));
  }

  @Test
  void aSingleRequestOfTheMaximumGoes() {
    assertEquals(new Take(1), decide(DELAYED, 0, of(8, 0)));
  }

  @Test
  void onVirtualTimeNoBatchExceedsTheMaximumAndNobodyWaitsLongerThanTheDelay() {
    var random = new SplittableRandom(7);
    for (int round = 0; round < 200; round++) {
      var rules = new BatchRules(true, 1 + random.nextInt(16), random.nextInt(500), List.of());
      List<Entry> queue = new ArrayList<>();
      long now = 0;
      long nextArrival = random.nextInt(300);
      int left = 50;
      while (left > 0 || !queue.isEmpty()) {
        if (queue.isEmpty()) {
          now = nextArrival;
        }
        while (left > 0 && nextArrival <= now) {
          queue.add(of(1 + random.nextInt(rules.maxBatchSize()), nextArrival));
          nextArrival += random.nextInt(300);
          left--;
        }
        switch (decide(rules, now, queue.toArray(Entry[]::new))) {
          case Take(int requests) -> {
            List<Entry> batch = queue.subList(0, requests);
            assertTrue(batch.stream().mapToInt(Entry::rows).sum() <= rules.maxBatchSize());
            // The instance is always free here, so only the delay can hold anybody.
            assertTrue(now - batch.getFirst().enqueuedNanos() <= rules.maxDelayNanos());
            batch.clear();
          }
          case WaitUntil(long nanos) -> {
            assertTrue(nanos > now, "waiting must move the clock");
            now = left > 0 ? Math.min(nanos, Math.max(now, nextArrival)) : nanos;
          }
        }
      }
    }
  }

  @Test
  void rulesOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new BatchRules(true, 0, 0, List.of()));
    assertThrows(IllegalArgumentException.class, () -> new BatchRules(true, 4, -1, List.of()));
    assertThrows(IllegalArgumentException.class, () -> new BatchRules(true, 4, 0, List.of(5)));
  }

  private static Entry of(int rows, long enqueuedNanos) {
    return new Entry(rows, enqueuedNanos, QueuedRequest.NO_DEADLINE);
  }

  private static BatchDecision decide(BatchRules rules, long now, Entry... entries) {
    return decide(rules, now, 0, entries);
  }

  private static BatchDecision decide(BatchRules rules, long now, long reserve, Entry... entries) {
    return BatchPolicy.decide(
        rules,
        new BatchPolicy.Waiting() {
          @Override
          public int size() {
            return entries.length;
          }

          @Override
          public int rows(int index) {
            return entries[index].rows();
          }

          @Override
          public long enqueuedNanos(int index) {
            return entries[index].enqueuedNanos();
          }

          @Override
          public long remainingNanos(int index, long nowNanos) {
            long deadline = entries[index].deadlineNanos();
            return deadline == QueuedRequest.NO_DEADLINE ? Long.MAX_VALUE : deadline - nowNanos;
          }
        },
        now,
        reserve);
  }

  private record Entry(int rows, long enqueuedNanos, long deadlineNanos) {}
}
