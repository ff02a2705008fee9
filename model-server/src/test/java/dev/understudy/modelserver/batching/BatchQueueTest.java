package dev.understudy.modelserver.batching;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.time.TimeSource;
import dev.understudy.modelserver.batching.BatchQueue.Offer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BatchQueueTest {
  private static final TimeSource TIME = TimeSource.system();
  private static final BatchRules DRAIN = new BatchRules(true, 4, 0, List.of());

  @Test
  void aBatchGrowsUntilAnInstanceTakesIt() throws Exception {
    var queue = new BatchQueue<Request>(DRAIN, 10, TIME);
    offer(queue, "s", 3);
    assertEquals(3, take(queue).size());
  }

  @Test
  void aFullQueueRefuses() {
    var queue = new BatchQueue<Request>(DRAIN, 2, TIME);
    offer(queue, "s", 2);
    assertEquals(Offer.FULL, queue.offer(new Request("s")));
    assertEquals(2, queue.size());
  }

  @Test
  void shapesDoNotMixAndTheOldestShapeGoesFirst() throws Exception {
    var queue = new BatchQueue<Request>(DRAIN, 10, TIME);
    offer(queue, "a", 1);
    offer(queue, "b", 2);
    offer(queue, "a", 1);
    assertEquals(List.of("a", "a"), take(queue).stream().map(Request::bucket).toList());
    assertEquals(List.of("b", "b"), take(queue).stream().map(Request::bucket).toList());
  }

  @Test
  void whatWasRemovedIsNotTaken() throws Exception {
    var queue = new BatchQueue<Request>(DRAIN, 10, TIME);
    var gone = new Request("s");
    assertEquals(Offer.ACCEPTED, queue.offer(gone));
    offer(queue, "s", 1);
    assertTrue(queue.remove(gone));
    assertFalse(queue.remove(gone));
    assertEquals(1, take(queue).size());
  }

  @Test
  void theDelayEndsAWaitWithoutFurtherArrivals() throws Exception {
    var queue =
        new BatchQueue<Request>(
            new BatchRules(true, 4, TimeUnit.MILLISECONDS.toNanos(20), List.of()), 10, TIME);
    var request = new Request("s");
    queue.offer(request);
    List<Request> batch = take(queue);
    assertEquals(List.of(request), batch);
    assertTrue(System.nanoTime() - request.enqueuedNanos >= 20_000_000);
  }

  @Test
  void arrivalsCompleteAWaitingBatchAtOnce() throws Exception {
    var queue =
        new BatchQueue<Request>(
            new BatchRules(true, 4, TimeUnit.MINUTES.toNanos(5), List.of()), 10, TIME);
    try (var executor = Executors.newSingleThreadExecutor()) {
      Future<List<Request>> taken = executor.submit(queue::take);
      offer(queue, "s", 4);
      assertEquals(4, taken.get(10, TimeUnit.SECONDS).size());
    }
  }

  @Test
  void aStoppedQueueServesWhatWaitsAndThenEnds() throws Exception {
    var queue =
        new BatchQueue<Request>(
            new BatchRules(true, 4, TimeUnit.MINUTES.toNanos(5), List.of()), 10, TIME);
    offer(queue, "s", 2);
    queue.stop();
    assertEquals(Offer.STOPPED, queue.offer(new Request("s")));
    assertEquals(2, take(queue).size(), "nobody can come any more, so nobody is waited for");
    assertFalse(queue.awaitIdle(0), "the batch is still running");
    queue.finished(1);
    assertTrue(queue.awaitIdle(0));
    assertTimeoutPreemptively(Duration.ofSeconds(10), () -> assertNull(queue.take()));
  }

  @Test
  void evictedRequestsLeaveAtOnce() throws Exception {
    var queue = new BatchQueue<Request>(DRAIN, 10, TIME);
    offer(queue, "a", 2);
    offer(queue, "b", 1);
    assertEquals(3, queue.evict().size());
    assertEquals(0, queue.size());
    assertTrue(queue.awaitIdle(0));
  }

  @Test
  void manyProducersAndInstancesLoseNothing() throws Exception {
    var queue = new BatchQueue<Request>(DRAIN, 100_000, TIME);
    int producers = 4;
    int each = 5_000;
    var taken = new AtomicInteger();
    var removed = new AtomicInteger();
    var done = new CountDownLatch(producers);
    try (var executor = Executors.newCachedThreadPool()) {
      List<Future<?>> instances = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        instances.add(
            executor.submit(() -> {
              for (var batch = queue.take(); batch != null; batch = queue.take()) {
                assertTrue(batch.size() <= 4);
                taken.addAndGet(batch.size());
                queue.finished(1);
              }
              return null;
            }));
      }
      for (int p = 0; p < producers; p++) {
        String bucket = "b" + p % 2;
        executor.execute(() -> {
          for (int i = 0; i < each; i++) {
            var request = new Request(bucket);
            queue.offer(request);
            if (i % 7 == 0 && queue.remove(request)) {
              removed.incrementAndGet();
            }
          }
          done.countDown();
        });
      }
      assertTrue(done.await(30, TimeUnit.SECONDS));
      queue.stop();
      for (Future<?> instance : instances) {
        instance.get(30, TimeUnit.SECONDS);
      }
    }
    assertEquals(producers * each, taken.get() + removed.get());
  }

  /** The machine's clock, set forward by the test. */
  private static final class Shifted implements TimeSource {
    volatile long aheadNanos;

    @Override
    public long nanoTime() {
      return System.nanoTime() + aheadNanos;
    }

    @Override
    public long wallMillis() {
      return 0;
    }
  }

  @Test
  void batchWaitIsTheTimeInWhichAnInstanceWasFreeAndNotTheTimeBefore() throws Exception {
    var clock = new Shifted();
    long delayNanos = TimeUnit.SECONDS.toNanos(100);
    var queue = new BatchQueue<Request>(new BatchRules(true, 4, delayNanos, List.of()), 10, clock);
    var request = new Request("s", clock.nanoTime());
    queue.offer(request);
    // For nearly the whole of its patience there is no instance.
    clock.aheadNanos = delayNanos - TimeUnit.MILLISECONDS.toNanos(30);
    assertEquals(List.of(request), take(queue));
    assertTrue(request.batchWaitNanos > TimeUnit.MILLISECONDS.toNanos(5), "" + request);
    assertTrue(request.batchWaitNanos < TimeUnit.SECONDS.toNanos(90), "" + request);
  }

  @Test
  void freeInstancesOfThePastAreNoBatchWait() throws Exception {
    var clock = new Shifted();
    long delayNanos = TimeUnit.MILLISECONDS.toNanos(30);
    var queue = new BatchQueue<Request>(new BatchRules(true, 2, delayNanos, List.of()), 10, clock);
    var first = new Request("s", clock.nanoTime());
    queue.offer(first);
    assertEquals(List.of(first), take(queue));
    assertTrue(first.batchWaitNanos > 0, "" + first);
    // Its instance runs; two come and are taken at once when it is free.
    var second = new Request("s", clock.nanoTime());
    var third = new Request("s", clock.nanoTime());
    queue.offer(second);
    queue.offer(third);
    clock.aheadNanos = TimeUnit.SECONDS.toNanos(1);
    assertEquals(List.of(second, third), take(queue));
    assertEquals(0, second.batchWaitNanos);
    assertEquals(0, third.batchWaitNanos);
  }

  @Test
  void whereNothingIsWaitedForThereIsNoBatchWait() throws Exception {
    for (BatchRules rules : List.of(DRAIN, BatchRules.alone(4))) {
      var queue = new BatchQueue<Request>(rules, 10, TIME);
      try (var executor = Executors.newSingleThreadExecutor()) {
        Future<List<Request>> taken = executor.submit(queue::take);
        var request = new Request("s", TIME.nanoTime());
        queue.offer(request);
        assertEquals(List.of(request), taken.get(10, TimeUnit.SECONDS));
        assertEquals(0, request.batchWaitNanos);
      }
    }
  }

  private static void offer(BatchQueue<Request> queue, String bucket, int count) {
    for (int i = 0; i < count; i++) {
      assertEquals(Offer.ACCEPTED, queue.offer(new Request(bucket)));
    }
  }

  private static List<Request> take(BatchQueue<Request> queue) throws InterruptedException {
    List<Request> batch = queue.take();
    return batch == null ? List.of() : batch;
  }

  private static final class Request implements QueuedRequest {
    private final String bucket;
    private final long enqueuedNanos;
    long batchWaitNanos = -1;

    Request(String bucket) {
      this(bucket, System.nanoTime());
    }

    Request(String bucket, long enqueuedNanos) {
      this.bucket = bucket;
      this.enqueuedNanos = enqueuedNanos;
    }

    @Override
    public String toString() {
      return "waited for company: " + batchWaitNanos + " ns";
    }

    @Override
    public int rows() {
      return 1;
    }

    @Override
    public Object bucket() {
      return bucket;
    }

    @Override
    public long enqueuedNanos() {
      return enqueuedNanos;
    }

    @Override
    public long deadlineNanos() {
      return NO_DEADLINE;
    }

    @Override
    public void taken(long waitNanos) {
      batchWaitNanos = waitNanos;
    }
  }
}
