package dev.understudy.launcher.architecture.crooked.router.split;

import dev.understudy.launcher.architecture.crooked.comparator.Judge;
import dev.understudy.launcher.architecture.crooked.router.guard.Guard;
import io.grpc.Status;

/** Breaks every rule it can. */
public class Chooser {
  final Judge judge = new Judge();
  final Guard guard = new Guard();
  final Status status = Status.OK;
  final long nanos = System.nanoTime();
}
