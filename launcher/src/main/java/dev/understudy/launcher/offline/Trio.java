package dev.understudy.launcher.offline;

import dev.understudy.proto.inference.ModelInferRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The answers to one request: champion's, challenger's, and the champion's once more.
 *
 * @param id the request's name in reports
 * @param control null without a control
 */
record Trio(
    String id,
    ModelInferRequest request,
    Answer champion,
    Answer challenger,
    @Nullable Answer control) {

  /** Who is asked. */
  record Callers(Endpoint champion, Endpoint challenger, boolean control, Duration timeout) {

    private static final int CHAMPION = 0;
    private static final int CHALLENGER = 1;
    private static final int CONTROL = 2;

    /**
     * Asks all, in an order drawn anew each time so that none is always the one that finds caches
     * warm.
     *
     * @param together at the same time; else each after the one before has ended
     * @return never fails
     */
    CompletableFuture<Trio> ask(String id, ModelInferRequest request, boolean together, long draw) {
      List<Integer> order = new ArrayList<>(List.of(CHAMPION, CHALLENGER));
      if (control) {
        order.add(CONTROL);
      }
      Collections.shuffle(order, new Random(draw));
      CompletableFuture<Trio> asked = new CompletableFuture<>();
      AtomicReferenceArray<@Nullable Answer> answers = new AtomicReferenceArray<>(3);
      AtomicInteger missing = new AtomicInteger(order.size());
      if (together) {
        for (int who : order) {
          call(
              who,
              request,
              answer -> {
                answers.set(who, answer);
                if (missing.decrementAndGet() == 0) {
                  asked.complete(trio(id, request, answers));
                }
              });
        }
      } else {
        next(id, request, order, 0, answers, asked);
      }
      return asked;
    }

    private void next(
        String id,
        ModelInferRequest request,
        List<Integer> order,
        int at,
        AtomicReferenceArray<@Nullable Answer> answers,
        CompletableFuture<Trio> asked) {
      if (at == order.size()) {
        asked.complete(trio(id, request, answers));
        return;
      }
      int who = order.get(at);
      call(
          who,
          request,
          answer -> {
            answers.set(who, answer);
            next(id, request, order, at + 1, answers, asked);
          });
    }

    private void call(
        int who, ModelInferRequest request, java.util.function.Consumer<Answer> done) {
      (who == CHALLENGER ? challenger : champion).infer(request, timeout, done);
    }

    private static Trio trio(
        String id, ModelInferRequest request, AtomicReferenceArray<@Nullable Answer> answers) {
      Answer champion = answers.get(CHAMPION);
      Answer challenger = answers.get(CHALLENGER);
      if (champion == null || challenger == null) {
        throw new IllegalStateException("an answer is missing");
      }
      return new Trio(id, request, champion, challenger, answers.get(CONTROL));
    }
  }
}
