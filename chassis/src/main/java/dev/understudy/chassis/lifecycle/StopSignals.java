package dev.understudy.chassis.lifecycle;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Turns SIGTERM and SIGINT into a call, instead of the JVM's shutdown. During a shutdown the JDK
 * takes the log's handlers away while the service still drains, and the process ends with 128 plus
 * the signal's number, although it did what it was asked to.
 *
 * <p>The JDK's only interface for signals is {@code sun.misc.Signal}, which javac warns about at
 * every mention; that is why it is named in strings here.
 */
final class StopSignals {
  private static final List<String> NAMES = List.of("TERM", "INT");

  /** 128 plus SIGINT, as shells count. */
  private static final int IMPATIENT = 130;

  private StopSignals() {}

  /**
   * Calls {@code stop} at the first signal, on a thread that may not block; the second one ends the
   * process at once.
   *
   * @return false if this JVM does not let programs handle signals
   */
  @SuppressWarnings("ReferenceEquality") // a proxy equals itself alone
  static boolean handle(Runnable stop) {
    var count = new AtomicInteger();
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          Proxy.newProxyInstance(
              StopSignals.class.getClassLoader(),
              new Class<?>[] {handler},
              (self, method, arguments) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      if (count.incrementAndGet() > 1) {
                        Runtime.getRuntime().halt(IMPATIENT);
                      }
                      stop.run();
                      yield null;
                    }
                    case "hashCode" -> System.identityHashCode(self);
                    case "equals" -> self == arguments[0];
                    default -> "StopSignals";
                  });
      var register = signal.getMethod("handle", signal, handler);
      for (String name : NAMES) {
        register.invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
      }
      return true;
    } catch (ReflectiveOperationException unavailable) {
      return false;
    }
  }
}
