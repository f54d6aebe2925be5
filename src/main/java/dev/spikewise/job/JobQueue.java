package dev.spikewise.job;

import dev.spikewise.store.BuildVersion;
import dev.spikewise.store.Database;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;

/**
 * The order in which queued jobs are trained. Tenants take turns: the tenant with the fewest
 * running jobs is next; among equals, the one whose last turn is longest ago; then the one that has
 * waited longest. Among the jobs of one tenant, priority and age decide. The operator's jobs go
 * ahead of all tenants' jobs when the next of them has a priority above 0.
 *
 * <p>
 *
 * <p>All queries read and lock ids only, so that they also work for a row with damaged content.
 */
@Repository
class JobQueue {

  private final JdbcClient client;
  private final Capacity capacity;

  JobQueue(JdbcClient client, Capacity capacity) {
    this.client = client;
    this.capacity = capacity;
  }

  /**
   * What a process can offer a job.
   *
   * @param bytes maximum memory of the job
   * @param ranks number of processes that share the job
   * @param version version of the process, which understands no job that needs a later one
   */
  record Room(long bytes, int ranks, int version) {}

  /** Tenants that have a queued job that fits into {@code room}, in the order of their turns. */
  private List<String> turns(Room room) {
    return client
        .sql(
            """
            select q.tenant from (
              select tenant, min(created_at) as since from job
              where status = 'QUEUED' and memory_bytes <= :memory and ranks <= :ranks
                and least_version <= :version group by tenant) q
            order by
              case when q.tenant = '' and (
                select n.priority from job n where n.status = 'QUEUED' and n.tenant = ''
                and n.memory_bytes <= :memory and n.ranks <= :ranks and n.least_version <= :version order by n.due_at, n.number fetch first row only) > 0
                then 0 else 1 end,
              (select count(*) from job r where r.tenant = q.tenant
                and r.status in ('RUNNING', 'PAUSING', 'CANCELLING')),
              (select max(c.claimed_at) from job c where c.tenant = q.tenant) nulls first,
              q.since, q.tenant\
            """)
        .param("memory", room.bytes())
        .param("ranks", room.ranks())
        .param("version", room.version())
        .query(String.class)
        .list();
  }

  /**
   * Locks the next job that no other process has locked.
   *
   * @param room maximum memory and ranks of the job
   * @param full tenants that have reached their quota of running jobs
   * @param idle whether the process trains no job, so that it may claim a suspect job
   */
  Optional<UUID> lockNext(Room room, Collection<String> full, boolean idle) {
    return turns(room).stream()
        .filter(tenant -> !full.contains(tenant))
        .map(tenant -> lockNext(room, tenant, idle))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private Optional<UUID> lockNext(Room room, String tenant, boolean idle) {
    return client
        .sql(
            """
            select id from job where status = 'QUEUED' and tenant = :tenant and memory_bytes <= :memory and ranks <= :ranks
            and least_version <= :version
            and (rest_until is null or rest_until <= current_timestamp)
            and (suspect = false or cast(:idle as boolean))
            order by due_at, number limit 1 for update skip locked\
            """)
        .param("tenant", tenant)
        .param("memory", room.bytes())
        .param("ranks", room.ranks())
        .param("version", room.version())
        .param("idle", idle)
        .query(UUID.class)
        .optional();
  }

  /**
   * Whether a suspect job that fits into {@code room} should have been claimed before {@code due}.
   */
  boolean hasSuspect(Room room, Instant due) {
    return client
            .sql(
                """
                select count(*) from job
                where status = 'QUEUED' and suspect = true and memory_bytes <= :memory
                and ranks <= :ranks and least_version <= :version and rest_until < :due\
                """)
            .param("memory", room.bytes())
            .param("ranks", room.ranks())
            .param("version", room.version())
            .param("due", Database.time(due))
            .query(Long.class)
            .single()
        > 0;
  }

  /** Ids of the jobs whose lease expired before {@code deadline}. */
  List<UUID> findExpired(Instant deadline) {
    return client
        .sql(
            """
            select id from job
            where lease_until < :deadline and status in ('RUNNING', 'PAUSING', 'CANCELLING')\
            """)
        .param("deadline", Database.time(deadline))
        .query(UUID.class)
        .list();
  }

  /**
   * Locks a job with an expired lease. Returns false when the lease has been renewed or another
   * process holds the lock.
   */
  boolean lockExpired(UUID id, Instant deadline) {
    return client
        .sql(
            """
            select id from job where id = :id and lease_until < :deadline
            and status in ('RUNNING', 'PAUSING', 'CANCELLING') for update skip locked\
            """)
        .param("id", id)
        .param("deadline", Database.time(deadline))
        .query(UUID.class)
        .optional()
        .isPresent();
  }

  /**
   * Queue position of each queued job in {@code jobs} among the jobs of its own tenant, by job id.
   */
  Map<UUID, Job.Queue> places(Collection<JobRow> jobs) {
    var queued = jobs.stream().filter(job -> job.status() == JobState.QUEUED).toList();
    if (queued.isEmpty()) {
      return Map.of();
    }
    var missing = missing(queued);
    return client
        .sql(
            """
            select id, place from (
              select id, row_number() over (partition by tenant order by due_at, number) as place
              from job where status = 'QUEUED' and tenant in (:tenants)) ranked
            where id in (:ids)\
            """)
        .param("tenants", queued.stream().map(JobRow::tenant).distinct().toList())
        .param("ids", queued.stream().map(JobRow::id).toList())
        .query((row, i) -> Map.entry(row.getObject(1, UUID.class), row.getLong(2)))
        .list()
        .stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                at -> new Job.Queue(at.getValue(), at.getValue() - 1, missing.get(at.getKey()))));
  }

  /** Why no worker that is there can take a job, by job; nothing for jobs that wait their turn. */
  private Map<UUID, String> missing(List<JobRow> queued) {
    if (queued.stream().allMatch(job -> job.ranks() == 1 && job.leastVersion() == 0)) {
      return Map.of();
    }
    int most = capacity.mostRanks();
    int newest = capacity.newestVersion();
    var missing = new HashMap<UUID, String>();
    for (var job : queued) {
      if (newest > 0 && job.leastVersion() > newest) {
        missing.put(
            job.id(),
            "The job was submitted to version %s, but no worker has a version above %s: upgrade the workers."
                .formatted(BuildVersion.text(job.leastVersion()), BuildVersion.text(newest)));
      } else if (job.ranks() > Math.max(1, most)) {
        missing.put(
            job.id(),
            "The job needs %d ranks, but %s: start a worker with mpirun -np %d."
                .formatted(
                    job.ranks(),
                    most == 0 ? "no worker is there" : "no worker has more than " + most,
                    job.ranks()));
      }
    }
    return missing;
  }

  /** Queued jobs that need more ranks than any worker has. */
  long countUnservable() {
    return client
        .sql("select count(*) from job where status = 'QUEUED' and ranks > :most")
        .param("most", Math.max(1, capacity.mostRanks()))
        .query(Long.class)
        .single();
  }
}
