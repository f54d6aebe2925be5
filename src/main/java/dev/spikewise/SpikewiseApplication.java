package dev.spikewise;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
public class SpikewiseApplication {

  public static void main(String[] args) {
    SpringApplication.run(SpikewiseApplication.class, args);
  }
}
