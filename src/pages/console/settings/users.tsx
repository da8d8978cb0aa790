/** Users of the company. They come by their identity provider; here they are looked at, and leave. */
import { useState } from "react";
import { useSession } from "../session.tsx";
import { PersonActions } from "../people/person-actions.tsx";
import type { User } from "../types.ts";
import { useAction } from "../ui/action.ts";
import { useList } from "../ui/list.ts";
import { Confirm, Modal } from "../ui/modal.tsx";
import { Menu } from "../ui/menu.tsx";
import { Page } from "../ui/page.tsx";
import { Table } from "../ui/table.tsx";
import { Time } from "../ui/time.tsx";
import { say } from "../words.ts";

const PATH = "/user";
const nameOf = (user: User) => user.name ?? user.email ?? user.external_id ?? user.id;

export function Users() {
  const { api, me } = useSession();
  const [asking, setAsking] = useState<{ kind: "look" | "remove"; user: User } | null>(null);
  const list = useList<User>(PATH, "users", { per_page: 50 });
  const remove = useAction({
    run: (id: string) => api.send("DELETE", `${PATH}/${id}`),
    stale: [PATH, "/auth/api-keys"],
    done: say("removed"),
    isQuiet: true,
  });
  const close = () => setAsking(null);
  return (
    <Page title={say("users")} about={say("usersAbout")}>
      <Table
        label={say("users")}
        list={list}
        keyOf={({ id }) => id}
        empty={say("noUsers")}
        columns={[
          { name: say("name"), cell: (user) => `${nameOf(user)}${user.id === me.entity_id ? ` (${say("you")})` : ""}` },
          { name: say("email"), cell: ({ email }) => email ?? "–" },
          { name: say("role"), cell: ({ role }) => say(role === "admin" ? "roleAdmin" : "roleMember") },
          { name: say("issuer"), cell: ({ issuer }) => issuer ?? say("ownBackend") },
          { name: say("since"), cell: ({ created_at }) => <Time at={created_at} /> },
          {
            name: say("actions"),
            cell: (user) => (
              <Menu
                label={say("actionsOf", { name: nameOf(user) })}
                items={[
                  { label: say("exportOrErase"), run: () => setAsking({ kind: "look", user }) },
                  user.id !== me.entity_id && {
                    label: say("deleteUser"),
                    isDanger: true,
                    run: () => setAsking({ kind: "remove", user }),
                  },
                ]}
              />
            ),
          },
        ]}
      />
      {asking?.kind === "look" && (
        <Modal title={nameOf(asking.user)} onClose={close}>
          <PersonActions kind="user" id={asking.user.id} hold={null} onErased={close} />
        </Modal>
      )}
      {asking?.kind === "remove" && (
        <Confirm
          title={say("deleteUser")}
          text={say("deleteUserText", { name: nameOf(asking.user) })}
          action={say("delete")}
          onClose={close}
          run={() => remove.mutateAsync(asking.user.id)}
        />
      )}
    </Page>
  );
}
