package dev.understudy.router.upstream;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.router.hash.StableHash;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * A name that is looked up again and again, and its last good answer: a failed look-up, and an
 * answer without addresses, change nothing. Guarded by the upstream's lock.
 */
final class Name {
  final HostPort target;
  private List<String> addresses = List.of();
  private long dueNanos;
  private boolean asked;
  private boolean asking;

  Name(HostPort target) {
    this.target = target;
  }

  /** The addresses with their port, in no particular order. */
  List<String> addresses() {
    return addresses;
  }

  /** Whether it is time to ask; then {@link #answered} or {@link #failed} ends the question. */
  boolean begin(long nowNanos) {
    if (asking || (asked && dueNanos - nowNanos > 0)) {
      return false;
    }
    asked = true;
    asking = true;
    return true;
  }

  void failed(long nextNanos) {
    asking = false;
    dueNanos = nextNanos;
  }

  /**
   * Takes an answer.
   *
   * @param most addresses that are kept; which ones, if there are more, differs between routers
   * @param seed this router's
   * @return how many were not kept, or -1 when there were none at all
   */
  int answered(List<InetAddress> found, int most, long seed, long nextNanos) {
    failed(nextNanos);
    TreeSet<String> distinct = new TreeSet<>();
    for (InetAddress address : found) {
      distinct.add(new HostPort(address.getHostAddress(), target.port()).toString());
    }
    if (distinct.isEmpty()) {
      return -1;
    }
    List<String> next = new ArrayList<>(distinct);
    if (next.size() > most) {
      next.sort(Comparator.comparingLong(address -> StableHash.of(seed, address)));
      next = next.subList(0, most);
    }
    addresses = List.copyOf(next);
    return distinct.size() - next.size();
  }
}
