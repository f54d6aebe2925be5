package dev.spikewise;

import dev.spikewise.cli.Cli;
import dev.spikewise.job.WideTraining;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;

@SpringBootApplication
@ConfigurationPropertiesScan
public class SpikewiseApplication {

  public static void main(String[] args) {
    if (Cli.trains(args)) {
      Relaunch.unlessVectorApiIsThere();
    }
    if (Cli.isShared(args)) {
      WideTraining.join();
    }
    if (Cli.isCommand(args)) {
      int code = Cli.run(args);
      WideTraining.leave();
      System.exit(code);
    }
    SpringApplication.run(SpikewiseApplication.class, args);
  }
}
