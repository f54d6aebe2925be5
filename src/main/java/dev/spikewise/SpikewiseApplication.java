package dev.spikewise;

import dev.spikewise.cli.Cli;
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
    if (Cli.isCommand(args)) {
      System.exit(Cli.run(SpikewiseApplication.class, args));
    }
    SpringApplication.run(SpikewiseApplication.class, args);
  }
}
