package dev.understudy.collector.dashboard;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.time.Scheduler;
import dev.understudy.collector.intake.Lookup;
import dev.understudy.collector.predictions.Database;
import java.nio.file.Files;
import java.util.concurrent.CountDownLatch;

/** Serves every invented state on a port of its own, from 8390 on, to look at the page. */
final class DashboardPreview {
  private static final int FIRST_PORT = 8390;

  private DashboardPreview() {}

  public static void main(String[] args) throws Exception {
    Scheduler scheduler = Scheduler.daemon("preview");
    int port = FIRST_PORT;
    for (FakeStates.Scene scene : FakeStates.Scene.values()) {
      FakeStates states = new FakeStates(scene);
      var file = Files.createTempDirectory("preview").resolve("collector.db");
      Database.open(file).close();
      Lookup lookup = new Lookup(states.facts().store().reader(Database.openReader(file)));
      Dashboard dashboard =
          Dashboard.start(
              HostPort.loopback(port++),
              null,
              states.facts(),
              lookup,
              states::overview,
              scheduler,
              states.time());
      System.out.println(scene + " http://127.0.0.1:" + dashboard.port() + "/");
    }
    new CountDownLatch(1).await();
  }
}
