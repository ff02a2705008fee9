package dev.understudy.chassis.lifecycle;

import dev.understudy.chassis.config.ConfigException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The main of every service: read the configuration, start, say that it is ready, wait for SIGTERM
 * or SIGINT, drain, end.
 *
 * <p>A second signal ends the process at once. Exit codes: 0 after a stop that was asked for or a
 * configuration that is fine, 1 if the service could not start, 2 if its configuration or command
 * line is wrong. Each problem is one line on standard error. A program that hosts a service in its
 * own process calls {@link ServiceFactory#configure} and {@link ServiceFactory.Startable#start}
 * instead.
 */
public final class ServiceMain {
  static final int FINE = 0;
  static final int FAILED = 1;
  static final int MISCONFIGURED = 2;

  private static final Logger log = Logger.getLogger(ServiceMain.class.getName());

  private ServiceMain() {}

  /** Runs a service as this process; does not return while it runs, and ends the process. */
  public static void run(String name, String[] args, ServiceFactory factory) {
    int code = execute(name, args, factory, System.err, ServiceMain::untilSignal);
    System.exit(code);
  }

  /** How long a started service runs; it is closed afterwards. */
  interface Stay {
    /** Calls {@code announce} once a stop can be asked for, and {@code stop} when it is. */
    void await(Announcement announce, Runnable stop) throws IOException, InterruptedException;
  }

  /** Says that the service is ready. */
  interface Announcement {
    void make() throws IOException;
  }

  /** Everything but the end of the process. */
  static int execute(
      String name, String[] args, ServiceFactory factory, PrintStream err, Stay stay) {
    ServiceArguments arguments;
    ServiceFactory.Startable startable;
    try {
      arguments = ServiceArguments.parse(args);
      Logging.configure(arguments.logLevel());
      startable = factory.configure(arguments);
      arguments.refuseUnclaimed();
    } catch (ConfigException e) {
      e.problems().forEach(problem -> err.println(name + ": " + problem));
      return MISCONFIGURED;
    }
    if (arguments.checkConfig()) {
      err.println(name + ": the configuration is fine");
      return FINE;
    }
    RunningService service;
    try {
      service = startable.start();
    } catch (ConfigException e) {
      e.problems().forEach(problem -> err.println(name + ": " + problem));
      return MISCONFIGURED;
    } catch (Exception | LinkageError e) {
      err.println(name + ": cannot start: " + describe(e));
      log.log(Level.FINE, "cannot start", e);
      return FAILED;
    }
    Path readyFile = arguments.readyFile();
    try (service) {
      stay.await(
          () -> {
            if (readyFile != null) {
              ReadyFile.write(readyFile, service.ports());
            }
            log.info(() -> name + " is ready on " + new TreeMap<>(service.ports()));
          },
          () -> {
            if (readyFile != null) {
              delete(readyFile);
            }
            log.info(() -> name + " drains");
            service.close();
            log.info(() -> name + " has stopped");
          });
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      err.println(name + ": cannot write the ready file: " + describe(e));
      return FAILED;
    }
    return FINE;
  }

  private static void untilSignal(Announcement announce, Runnable stop)
      throws IOException, InterruptedException {
    var asked = new CountDownLatch(1);
    if (!StopSignals.handle(asked::countDown)) {
      untilShutdown(announce, stop);
      return;
    }
    announce.make();
    asked.await();
    stop.run();
  }

  /** Where signals cannot be handled: stops the service while the JVM shuts down. */
  private static void untilShutdown(Announcement announce, Runnable stop)
      throws IOException, InterruptedException {
    var hook = new Thread(stop, "shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      announce.make();
    } catch (IOException e) {
      Runtime.getRuntime().removeShutdownHook(hook);
      throw e;
    }
    new CountDownLatch(1).await();
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      log.log(Level.FINE, "The ready file stays", e);
    }
  }

  private static String describe(Throwable e) {
    String message = e.getMessage();
    String text = message == null ? e.getClass().getSimpleName() : message;
    Throwable cause = e.getCause();
    String why = cause == null ? null : cause.getMessage();
    return why == null || text.contains(why) ? text : text + ": " + why;
  }
}
