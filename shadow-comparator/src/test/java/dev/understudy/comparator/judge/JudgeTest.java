package dev.understudy.comparator.judge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.comparator.intake.Blocks;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.Role;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class JudgeTest {
  private final ManualTime time = new ManualTime();
  private final Judge judge = Judge.start(time);
  private long sequence;

  @AfterEach
  void close() {
    judge.close();
  }

  private static final class Page implements Judge.Watcher {
    final List<EvidenceReport> reports = Collections.synchronizedList(new ArrayList<>());
    final CompletableFuture<Fault> failure = new CompletableFuture<>();
    volatile boolean ready = true;

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void report(EvidenceReport report) {
      reports.add(report);
    }

    @Override
    public void fail(Fault fault) {
      failure.complete(fault);
    }

    @Nullable Long newest() {
      return reports.isEmpty() ? null : reports.getLast().getLogSequence();
    }
  }

  private void spec() {
    sequence++;
    judge.accept(
        "r",
        List.of(
            EvidenceLogRecord.newBuilder()
                .setSequence(sequence)
                .setRolloutId("r")
                .setSpec(Blocks.spec("r"))
                .build()));
  }

  private void second() {
    sequence++;
    judge.accept(
        "r",
        List.of(
            EvidenceLogRecord.newBuilder()
                .setSequence(sequence)
                .setRolloutId("r")
                .setBlock(
                    JoinedBlock.newBuilder()
                        .setSecond(Blocks.START + sequence)
                        .addCells(Blocks.cell("r", Role.CANARY, 25, 0)))
                .build()));
  }

  /** Returns once the judge has done everything it was given. */
  private EvidenceReport settled() throws Exception {
    return judge.report("r").get(5, TimeUnit.SECONDS);
  }

  @Test
  void aReportCoversEveryRecordAcceptedBefore() throws Exception {
    spec();
    for (int i = 0; i < 50; i++) {
      second();
    }
    assertEquals(51, settled().getLogSequence());
    assertEquals(50, settled().getBlocks());
  }

  @Test
  void anUnknownRolloutIsNotFound() {
    var e =
        assertThrows(
            ExecutionException.class, () -> judge.report("nobody").get(5, TimeUnit.SECONDS));
    assertEquals(Status.Code.NOT_FOUND, assertInstanceOf(Fault.class, e.getCause()).code());
  }

  @Test
  void aWatcherIsToldAtOnceAndThenAtMostTenTimesASecondOfTheNewest() throws Exception {
    spec();
    Page page = new Page();
    judge.watch("r", page);
    settled();
    assertEquals(1, page.newest());
    time.advance(Duration.ofMillis(50));
    int before = page.reports.size();
    for (int i = 0; i < 30; i++) {
      second();
    }
    settled();
    assertTrue(page.reports.size() <= before + 1, page.reports.size() + " reports");
    second();
    settled();
    time.advance(Duration.ofMillis(100));
    settled();
    settled();
    assertEquals(32, page.newest());
    assertTrue(page.reports.size() <= before + 2, page.reports.size() + " reports");
  }

  @Test
  void aSlowWatcherSkipsReportsAndGetsTheNewestWhenItIsReady() throws Exception {
    spec();
    Page page = new Page();
    page.ready = false;
    judge.watch("r", page);
    for (int i = 0; i < 10; i++) {
      second();
      time.advance(Duration.ofMillis(100));
      settled();
    }
    assertEquals(List.of(), page.reports);
    page.ready = true;
    time.advance(Duration.ofMillis(100));
    judge.ready(page);
    settled();
    assertEquals(1, page.reports.size());
    assertEquals(11, page.newest());
  }

  @Test
  void whoHasGoneIsToldNothing() throws Exception {
    spec();
    Page page = new Page();
    judge.watch("r", page);
    judge.unwatch(page);
    settled();
    int before = page.reports.size();
    second();
    time.advance(Duration.ofSeconds(1));
    settled();
    settled();
    assertEquals(before, page.reports.size());
  }

  @Test
  void watchingAnUnknownRolloutFails() throws Exception {
    Page page = new Page();
    judge.watch("nobody", page);
    assertEquals(Status.Code.NOT_FOUND, page.failure.get(5, TimeUnit.SECONDS).code());
  }

  @Test
  void aLogThatCannotBeFoldedFailsItsReportsAndNoOthers() throws Exception {
    spec();
    judge.accept(
        "broken",
        List.of(EvidenceLogRecord.newBuilder().setSequence(5).setRolloutId("broken").build()));
    assertThrows(ExecutionException.class, () -> judge.report("broken").get(5, TimeUnit.SECONDS));
    assertNotNull(settled());
    assertFalse(settled().getStopped());
  }
}
